parcelable P { List<void> l; }
