parcelable P { char a = '\'; }
