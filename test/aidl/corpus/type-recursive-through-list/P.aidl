parcelable P { List<P> children; P[] more; @nullable(heap=true) P next; }
