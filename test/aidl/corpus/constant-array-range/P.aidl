parcelable P { byte[] a = {1, 300}; }
