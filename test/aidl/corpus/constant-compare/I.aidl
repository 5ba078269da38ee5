interface I { const int A = 1 < 2; const int B = 1 <= 1; const int C = 2 >= 3; const int D = 2 > 1; const int E = 1 != 2; const int F = 1 == 1 != 0; const int G = -1 < 0u8; }
