package p; union T<A> { int x; }
