interface I { oneway void f(out int[] a); }
