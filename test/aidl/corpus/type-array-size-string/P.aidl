parcelable P { int["a"] a; }
