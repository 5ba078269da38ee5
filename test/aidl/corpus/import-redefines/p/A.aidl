package p; parcelable T { int x; }
