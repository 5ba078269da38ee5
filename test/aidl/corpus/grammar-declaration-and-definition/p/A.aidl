package p; parcelable A; parcelable T { A a; }
