parcelable P { Map<String,String> a = {}; }
