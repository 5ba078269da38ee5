package p; parcelable A { const int K = 2; }
