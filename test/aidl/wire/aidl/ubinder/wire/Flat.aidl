package ubinder.wire;

import ubinder.wire.Medium;
import ubinder.wire.Small;

/** All that has a fixed size. */
@FixedSize
parcelable Flat {
    boolean flag;
    byte tiny = -1;
    char letter = 'x';
    int number = 42;
    long big = 1L << 40;
    float real = 1.5f;
    double precise = 2.5;
    Small small = Small.ONE;
    Medium medium = Medium.BOTH;
}
