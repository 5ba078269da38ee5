interface I { void f(in List<List<I>>> a); }
