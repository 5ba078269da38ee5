interface I { void f(in P p); parcelable P { Q q; } parcelable Q { int x; } }
