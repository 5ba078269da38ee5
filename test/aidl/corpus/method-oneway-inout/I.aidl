oneway interface I { void f(inout int[] a); }
