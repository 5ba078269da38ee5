package ubinder.wire;

@Backing(type="int")
enum Medium {
    NONE = 0,
    /** The first bit. */
    FIRST = 1 << 0,
    SECOND = 1 << 1,
    BOTH = FIRST | SECOND,
    /** @deprecated use BOTH */
    LAST = 0x80000000,
}
