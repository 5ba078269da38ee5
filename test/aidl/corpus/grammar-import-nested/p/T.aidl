package p; import p.A.N; interface T { void f(in N n, in p.A.N m); const int X = N.K; }
