parcelable P { int a[]; }
