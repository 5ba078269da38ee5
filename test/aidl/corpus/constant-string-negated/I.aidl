interface I { const String A = -"a"; }
