@JavaDerive(hash=true) parcelable P { int x; }
