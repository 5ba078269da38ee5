package p;

parcelable T {
    @nullable(heap=1) T next;
}
