package p; parcelable T { N f = {1, 2}; parcelable N { int n; } }
