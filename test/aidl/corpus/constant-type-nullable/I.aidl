interface I { const @nullable String A = "a"; }
