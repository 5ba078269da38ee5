package p; parcelable B { int x; }
