package p; parcelable A { parcelable N { int x; const int K = 4; } }
