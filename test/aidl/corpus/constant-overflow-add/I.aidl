interface I { const int A = 2147483647 + 1; }
