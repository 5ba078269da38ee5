interface I { void f() = 16777115; }
