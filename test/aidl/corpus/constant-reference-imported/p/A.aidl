package p; parcelable A { const int K = 2; enum E { U, V } }
