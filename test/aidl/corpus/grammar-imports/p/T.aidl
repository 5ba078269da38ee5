package p; import p.A; import p.q.B; interface T { void f(in A a, in B b, in p.A c, in p.q.B d); }
