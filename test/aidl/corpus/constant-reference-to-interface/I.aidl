interface I { const int A = I; }
