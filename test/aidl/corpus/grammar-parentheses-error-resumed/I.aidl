interface I { const int A = (1 2) + 3; const int B = 1 / 0; }
