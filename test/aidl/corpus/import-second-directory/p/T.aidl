package p; import q.A; interface T { void f(in A a); }
