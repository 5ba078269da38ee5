interface I { void f(in List l, in Map m); List g(); }
