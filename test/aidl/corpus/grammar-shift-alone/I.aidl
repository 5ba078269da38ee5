interface I { void f(in List<I>> a); }
