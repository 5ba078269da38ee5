@SuppressWarnings(value={"interface-name", "const-name", "mixed-oneway"}) interface Foo { const int a = 1; @SuppressWarnings(value={"out-array"}) void f(out int[] x); oneway void g(); }
