package p; interface I;
