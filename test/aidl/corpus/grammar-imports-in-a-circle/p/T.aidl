package p; import p.A; interface T { A f(); }
