parcelable P { int[3L] a; }
