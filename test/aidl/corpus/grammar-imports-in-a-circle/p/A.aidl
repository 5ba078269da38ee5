package p; import p.T; interface A { T f(); }
