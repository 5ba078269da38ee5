package p; parcelable P { char c = 'a; }
