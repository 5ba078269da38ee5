interface I { void f() = 0x1; }
