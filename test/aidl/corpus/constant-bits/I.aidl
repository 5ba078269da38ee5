interface I { const int A = 6 ^ 3; const int B = 6 & 3; const int C = 6 | 3; const int D = 1 | 6 ^ 3 & 2; const long E = 0xff & 0xf0L; }
