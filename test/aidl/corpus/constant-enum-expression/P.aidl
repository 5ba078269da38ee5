parcelable P { enum E { A, B } E a = E.A + 1; }
