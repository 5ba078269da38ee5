package p; interface T { void f(in p.A a); }
