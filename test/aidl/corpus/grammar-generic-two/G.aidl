parcelable G<T, V> { int x; const int A = 1; }
