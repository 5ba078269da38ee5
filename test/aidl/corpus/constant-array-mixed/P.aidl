parcelable P { int[] a = {1, "a"}; }
