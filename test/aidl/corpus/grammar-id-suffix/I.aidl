interface I { void f() = 1L; }
