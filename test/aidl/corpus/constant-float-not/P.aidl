parcelable P { float a = !1.0f; }
