parcelable P { List<String> a = {"a"}; }
