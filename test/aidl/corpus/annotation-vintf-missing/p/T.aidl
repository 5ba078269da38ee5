package p; @VintfStability interface T { void f(in p.A a); }
