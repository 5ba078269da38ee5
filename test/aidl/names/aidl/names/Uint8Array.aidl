package names;

union Uint8Array {
    byte[] bytes = {1};
    Uint8Array[] Record;
}
