interface I { void f(in void[] a); }
