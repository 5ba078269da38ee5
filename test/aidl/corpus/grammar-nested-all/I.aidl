interface I { parcelable P { enum E { A } E e; union U { int i; } interface J { P f(in U u); } J j; } oneway interface O { void f(I i); } P.E f(P.J j, O o); }
