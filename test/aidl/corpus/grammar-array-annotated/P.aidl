parcelable P { int @nullable [] a; }
