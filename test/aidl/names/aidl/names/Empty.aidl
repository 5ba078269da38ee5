package names;

parcelable Empty {
}
