parcelable P { int a = {1}; }
