parcelable P { float a = 1e-40f; }
