package p; parcelable T { oneway int a; }
