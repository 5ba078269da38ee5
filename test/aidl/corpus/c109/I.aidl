interface I { const String D = "a
b"; }