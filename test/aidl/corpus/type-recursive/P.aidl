parcelable P { N n; parcelable N { P p; } }
