parcelable P { double a = 1e309; }
