parcelable P { Map<String, List<String>> m; @nullable Map<String,List<IBinder>>m3; }
