interface I { const int A = B + 1; const int B = C; const int C = A; }
