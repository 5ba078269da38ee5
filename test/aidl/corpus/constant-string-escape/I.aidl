interface I { const String A = "a\n"; }
