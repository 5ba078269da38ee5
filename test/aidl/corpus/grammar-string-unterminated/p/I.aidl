package p; interface I { const String A = "a; }
