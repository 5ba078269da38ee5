@JavaOnlyImmutable parcelable P { int a; String b; List<String> c; E d; N e; enum E { A } @JavaOnlyImmutable parcelable N { int x; } }
