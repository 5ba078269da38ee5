package ubinder.wire;

@Backing(type="long")
enum Large {
    NONE,
    BEYOND_INT = 0x100000000,
    LEAST = -9223372036854775807L,
}
