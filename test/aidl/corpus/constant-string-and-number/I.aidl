interface I { const String A = "a" + 1; }
