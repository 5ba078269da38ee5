package p;

parcelable T {
    @nullable(heap=T.MISSING) T next;
}
