parcelable P { float a = 1e39f; }
