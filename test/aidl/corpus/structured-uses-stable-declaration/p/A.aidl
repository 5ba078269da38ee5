package p; @JavaOnlyStableParcelable parcelable A;
