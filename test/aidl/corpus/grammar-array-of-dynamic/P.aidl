parcelable P { int[2][] a; }
