interface I { const int A = ~true; }
