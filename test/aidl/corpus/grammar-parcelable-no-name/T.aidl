parcelable { int x; }
