package p;

parcelable T {
    @nullable(heap=1 / 0) T next;
}
