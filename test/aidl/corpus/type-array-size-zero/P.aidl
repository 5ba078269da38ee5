parcelable P { int[0] a; }
