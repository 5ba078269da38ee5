union U { int a; String a; }
