package p; parcelable A { p.B b; }
