parcelable P { Map<IBinder, String> m; }
