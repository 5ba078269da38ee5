interface I { parcelable P { const int X = 1; enum E { A } } const int A = P.X + 1; const int B = P.E.A; const int C = I.P.X; }
