parcelable P { Map<@utf8InCpp String, String> a; }
