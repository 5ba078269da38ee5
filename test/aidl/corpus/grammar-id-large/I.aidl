interface I { void f() = 99999999999; }
