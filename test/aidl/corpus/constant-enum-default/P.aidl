parcelable P { enum E { A, B } E a = E.B; E b = E.A; const int X = E.B; }
