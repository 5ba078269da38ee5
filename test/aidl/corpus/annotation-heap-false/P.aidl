parcelable P { @nullable(heap=false) P a; }
