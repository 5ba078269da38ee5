package p; import q.A; interface T { void f(in A a, in q.B b); const int X = q.B.K; }
