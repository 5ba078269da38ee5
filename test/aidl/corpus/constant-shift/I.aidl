interface I { const int A = 16 >> 2; const int B = 1 << 4; const int C = 1 << 4 >> 2; const int D = 1 << -1; const int E = 4 >> -2; const long F = 1L << 62; }
