package q; parcelable A { int x; }
