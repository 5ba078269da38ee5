package p; interface I { void f(); parcelable P { int x; 
