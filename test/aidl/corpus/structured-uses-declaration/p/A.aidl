package p; parcelable A;
