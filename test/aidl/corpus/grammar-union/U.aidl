union U { int a; String b; parcelable P { int x; } const int C = 2; P p; @nullable U u; }
