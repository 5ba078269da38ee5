package p; parcelable A { int x = "a"; void y; }
