parcelable P { int parcelable; }
