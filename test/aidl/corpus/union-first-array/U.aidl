union U { int[] a; String b; }
