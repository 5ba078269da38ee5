interface I { const int A = 1 || 0; const int B = 1 && 0; const int C = false || true; const int D = 2 && true; const int E = 1 || 0 && 0; }
