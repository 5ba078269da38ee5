package p; parcelable T { N[3] f = 5; parcelable N { int n; } }
