parcelable P { float a = 1.0f + 2.0f; }
