parcelable P { char[] a = {'a'}; char[2][1] b = {{'a'},{'b'}}; boolean[] c = {true, 1}; }
