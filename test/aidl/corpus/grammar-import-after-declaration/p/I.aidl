package p; interface I { } import p.A;
