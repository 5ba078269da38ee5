parcelable P { char a = ''; }
