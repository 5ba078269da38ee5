interface I { parcelable I { int x; } }
