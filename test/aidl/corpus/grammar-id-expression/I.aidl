interface I { void f() = 1 + 1; }
