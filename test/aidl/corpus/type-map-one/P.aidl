parcelable P { Map<String> m; }
