interface I { const int A = -false; }
