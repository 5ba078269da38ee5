package p; interface I { void 1; void 2; void 3; void a(); void b(); void 4; }
