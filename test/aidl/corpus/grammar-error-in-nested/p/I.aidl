package p; interface I { parcelable P { int = 3; int y; } void g() = x; }
