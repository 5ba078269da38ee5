package p; interface I { }
