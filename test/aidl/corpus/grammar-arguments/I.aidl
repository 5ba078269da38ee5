interface I { void f(int a); void g(int a, in int[] b, out int[] c, inout int[] d); void h(String a, IBinder b); }
