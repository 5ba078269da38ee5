package p; parcelable G<V> { int x; }
