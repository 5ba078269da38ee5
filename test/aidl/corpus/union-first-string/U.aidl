union U { String a; int b; }
