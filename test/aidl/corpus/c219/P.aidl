parcelable P { char[] a = {'a', 'b'}; }
