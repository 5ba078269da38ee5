parcelable P { enum E { A } @nullable E e; }
