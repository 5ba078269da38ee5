package ubinder.wire;

/** Called back. */
interface ICallback {
    int twice(int value);
    oneway void tell(String text);
}
