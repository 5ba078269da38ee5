parcelable P { enum E { A } @nullable E[] e; @nullable int[] i; @nullable List<String> l; }
