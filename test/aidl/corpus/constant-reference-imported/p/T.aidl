package p; import p.A; interface T { const int X = A.K + 1; const int Y = p.A.K; const int Z = A.E.V; }
