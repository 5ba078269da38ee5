parcelable P { int[] a; int[2] b; int[2][3] c; String[1][2][3] d; int [ 4 ] e; const int N = 3; byte[N] f; byte[N * 2 + 1] g; byte[P.N] h; }
