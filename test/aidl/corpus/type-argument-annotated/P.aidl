parcelable P { Map<String, @nullable String> a; Map<String,@utf8InCpp String> b; }
