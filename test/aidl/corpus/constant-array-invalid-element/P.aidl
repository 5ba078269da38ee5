parcelable P { int[] a = {1, 1 / 0}; }
