package p; parcelable T { N f = {}; parcelable N { int n; } }
