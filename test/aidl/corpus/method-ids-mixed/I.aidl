interface I { void f() = 1; void g(); }
