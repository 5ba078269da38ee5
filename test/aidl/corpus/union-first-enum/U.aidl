union U { enum E { A } E a; int b; }
