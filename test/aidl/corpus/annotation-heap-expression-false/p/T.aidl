package p;

parcelable T {
    @nullable(heap=!true) T next;
}
