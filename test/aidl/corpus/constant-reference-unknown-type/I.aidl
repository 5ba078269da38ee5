interface I { const int A = Q.B; }
