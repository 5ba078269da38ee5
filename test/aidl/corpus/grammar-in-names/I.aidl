interface I { void f(in int inout); }
