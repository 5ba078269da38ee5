parcelable P { int y = A; const int A = 1/0; }
