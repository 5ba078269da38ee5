interface I { const String A = "a" + "b"; const String B = A + "c"; const String C = "" + ""; const String D = "'//"; }
