package ubinder.wire;

import ubinder.wire.Flat;
import ubinder.wire.Large;
import ubinder.wire.Medium;
import ubinder.wire.Small;

/** Arrays of each kind of element, there or not, of any length or one. */
parcelable Numbers {
    boolean[] booleans = {true, false};
    byte[] bytes = {1, 2, 3};
    char[] chars;
    int[] ints = {1, -2};
    long[] longs = {1, 2};
    float[] floats = {1.0f, 0.5f};
    double[] doubles = {1.0, 0.5};
    Small[] smalls = {Small.ONE};
    Medium[] mediums;
    Large[] larges;
    @nullable boolean[] maybeBooleans;
    @nullable byte[] maybeBytes;
    @nullable char[] maybeChars;
    @nullable int[] maybeInts;
    @nullable long[] maybeLongs;
    @nullable float[] maybeFloats;
    @nullable double[] maybeDoubles;
    @nullable Small[] maybeSmalls;
    boolean[2] twoBooleans;
    byte[3] threeBytes = {1, 2, 3};
    char[2] twoChars;
    int[4] fourInts;
    long[2] twoLongs;
    float[2] twoFloats;
    double[2] twoDoubles;
    Small[3] threeSmalls;
    Flat[2] twoFlats;
    int[2][3] matrix = {{1, 2, 3}, {4, 5, 6}};
    byte[2][2] blocks;
    String[2][2] words;
    @nullable int[2] maybeTwoInts;
}
