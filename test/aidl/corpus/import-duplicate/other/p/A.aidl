package p; parcelable A { int x; }
