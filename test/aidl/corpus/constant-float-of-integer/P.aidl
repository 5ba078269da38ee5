parcelable P { float a = 1; }
