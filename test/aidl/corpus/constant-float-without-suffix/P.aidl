parcelable P { float a = 1.5; }
