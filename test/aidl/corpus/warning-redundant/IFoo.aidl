oneway interface IFoo { oneway void f(); const int FOO_X = 1; enum Kind { KIND_A, B } }
