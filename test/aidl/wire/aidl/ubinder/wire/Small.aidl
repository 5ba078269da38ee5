package ubinder.wire;

/** Backed by a byte: an array of these is packed. */
@Backing(type="byte")
enum Small {
    NONE,
    ONE,
    LEAST = -128,
    MOST = 127,
}
