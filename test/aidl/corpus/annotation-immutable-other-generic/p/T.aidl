package p; @JavaOnlyImmutable parcelable T { p.G<String> g; }
