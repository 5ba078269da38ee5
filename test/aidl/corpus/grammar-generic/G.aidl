parcelable G<T> { int x; }
