package a.b.c; /** @deprecated
 *  @hide foo
 */ parcelable Q<T> { List<T> x; }