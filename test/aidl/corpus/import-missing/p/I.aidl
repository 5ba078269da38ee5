package p; import p.Nothing; interface I { }
