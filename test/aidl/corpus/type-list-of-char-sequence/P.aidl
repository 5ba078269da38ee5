parcelable P { List<CharSequence> l; }
