interface I { const int A = +1; const int B = -1; const int C = ~1; const int D = !1; const int E = -(-1); const int F = ~~5; const int G = !!5; const byte H = -128; }
