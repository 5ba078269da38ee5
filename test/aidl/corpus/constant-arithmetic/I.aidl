interface I { const int A = 7 - 2; const int B = 7 / 2; const int C = 7 % 3; const int D = -7 / 2; const int E = -7 % 3; const int F = 2 + 3 * 4 - 1; const int G = (2 + 3) * 4; }
