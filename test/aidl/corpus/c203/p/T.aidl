package p; parcelable T<A, B> { List<A> x; }
