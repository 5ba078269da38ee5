package p.q; parcelable B { int x; }
