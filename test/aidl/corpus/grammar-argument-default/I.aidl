interface I { void f(int a = 1); }
