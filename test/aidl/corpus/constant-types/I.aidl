interface I { const byte A = 1; const int B = 1; const long C = 1; const String D = ""; const float E = 1f; const double F = 1.0; }
