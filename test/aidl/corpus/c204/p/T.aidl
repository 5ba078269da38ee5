package p; parcelable T { E[255] f = E.X % -1; enum E { X } }
