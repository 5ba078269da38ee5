parcelable P { int[true] a; }
