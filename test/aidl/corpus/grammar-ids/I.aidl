interface I { void f() = 0; oneway void g(int a) = 7; int h() = 16777114; }
