union U { int a; String b; Tag t = Tag.b; const int X = 3; }
