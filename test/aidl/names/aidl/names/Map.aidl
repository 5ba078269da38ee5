package names;

/** Called as something of the language's own. */
parcelable Map {
    Map[] maps;
    @nullable String[] strings;
}
