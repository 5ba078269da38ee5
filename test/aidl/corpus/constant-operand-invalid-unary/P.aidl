parcelable P { int a = -''; }
