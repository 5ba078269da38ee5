package p; import p.A; parcelable T { int x; }
