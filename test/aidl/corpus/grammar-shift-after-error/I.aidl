interface I { void f(in List<List<I> a); void g(); void h(); void i(in List<I>> b); }
