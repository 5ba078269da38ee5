parcelable P { enum E { A, B } E[] a = {E.A, E.B}; E[] b = {}; E[2] c = {E.B, E.B}; }
