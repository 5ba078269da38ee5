package p; interface I { } }
