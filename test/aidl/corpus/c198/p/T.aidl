package p; parcelable T.R;
