parcelable P { IBinder a = 1; }
