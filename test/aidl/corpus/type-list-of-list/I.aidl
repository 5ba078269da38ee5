interface I { void f(in List<List<String>> l); }
