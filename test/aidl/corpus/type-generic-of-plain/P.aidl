parcelable P { N<String> n; parcelable N { int x; } }
