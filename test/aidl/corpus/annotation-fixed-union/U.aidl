@FixedSize union U { int a; String b; }
