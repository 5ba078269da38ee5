parcelable P { char a = 'a'; char b = ' '; char c = '"'; char d = '/'; }
