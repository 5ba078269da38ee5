union U { int a; const int X = Tag.a; const int Y = Tag.b; }
