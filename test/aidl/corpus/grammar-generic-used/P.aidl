parcelable P { List<List<String>> l; }
