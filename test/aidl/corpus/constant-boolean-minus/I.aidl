interface I { const int A = -true; const int B = +true; }
