parcelable P { int[-1] a; }
