parcelable P { List<ParcelableHolder> l; }
