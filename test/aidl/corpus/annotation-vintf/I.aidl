@VintfStability interface I { void f(in P p); @VintfStability parcelable P { int x; } }
