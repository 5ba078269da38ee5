package p; import p.A; interface T { void f(in A a); }
