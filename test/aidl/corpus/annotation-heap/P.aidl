parcelable P { @nullable(heap=true) P a; @nullable(heap=true) U b; union U { int x; @nullable(heap=true) P p; } }
