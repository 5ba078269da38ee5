import p.A; package p; interface I { }
