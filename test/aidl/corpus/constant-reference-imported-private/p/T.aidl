package p; import p.A; interface T { const int X = A.Q; }
