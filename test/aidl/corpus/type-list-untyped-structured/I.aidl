interface I { void f(in List l); }
