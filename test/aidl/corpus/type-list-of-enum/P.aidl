parcelable P { enum E { A } List<E> l; }
