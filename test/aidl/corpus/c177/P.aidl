// lic
parcelable P { }