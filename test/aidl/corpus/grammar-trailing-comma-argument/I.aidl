interface I { void f(int a,); }
