interface I { void f(); void f(int a); }
