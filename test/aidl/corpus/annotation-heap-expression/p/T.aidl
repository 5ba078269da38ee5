package p;

parcelable T {
    @nullable(heap=!false) T next;
    @nullable(heap=1 == 1) T other;
}
