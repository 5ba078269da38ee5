@JavaOnlyImmutable parcelable P { Map<String, IBinder> a; }
