package p; interface I { void fä(); }
