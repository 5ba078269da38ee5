parcelable P { Map<String, @nullable String> a = {}; }
