parcelable P { char a = '\n'; }
