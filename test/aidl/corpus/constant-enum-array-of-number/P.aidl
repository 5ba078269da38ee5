parcelable P { enum E { A, B } E[] a = {0}; }
