package ubinder.wire;

import ubinder.wire.Flat;
import ubinder.wire.ICallback;
import ubinder.wire.Large;
import ubinder.wire.Small;

/** One of many. */
union Choice {
    /** Where nothing is said. */
    int number = 7;
    boolean flag;
    long big;
    float real;
    double precise;
    String text;
    byte[] bytes;
    String[] texts;
    List<String> list;
    Small small;
    Large large;
    Flat flat;
    Flat[] flats;
    @nullable String maybe;
    @nullable Flat maybeFlat;
    @nullable(heap=true) Choice inner;
    int[2][3] matrix;
    ICallback callback;
}
