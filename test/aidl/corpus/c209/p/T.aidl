package p; parcelable T<A, B>;
