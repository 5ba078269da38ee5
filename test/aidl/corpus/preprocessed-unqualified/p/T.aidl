package p; interface T { void f(in A a); }
