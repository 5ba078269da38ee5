package p; interface I { const int A = I . A2; const int A2 = 1; }
