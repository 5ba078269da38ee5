package a.b.c; interface I { a.b.c.I f(); }
