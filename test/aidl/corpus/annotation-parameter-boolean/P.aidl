@JavaDerive(toString="yes") parcelable P { int x; }
