interface I { void f(@nullable in String a); }
