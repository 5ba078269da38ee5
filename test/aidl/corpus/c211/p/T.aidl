package p; parcelable T { byte[2][2] f = {1}; }
