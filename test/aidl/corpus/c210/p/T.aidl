package p; parcelable T { E[] f = E.X; enum E { X } }
