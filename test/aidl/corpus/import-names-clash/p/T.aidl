package p; import p.A; import q.A; interface T { void f(in A a); }
