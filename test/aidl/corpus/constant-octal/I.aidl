interface I { const int A = 010; const int B = 00; const int C = 08; }
