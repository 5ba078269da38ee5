package ubinder.wire;

import ubinder.wire.Choice;
import ubinder.wire.Flat;
import ubinder.wire.ICallback;
import ubinder.wire.Large;
import ubinder.wire.Numbers;
import ubinder.wire.Outer;

/**
 * Fields that are not numbers.
 *
 * In a comment of several lines.
 */
parcelable Everything {
    const int LIMIT = 1 << 10;
    const long LONG_LIMIT = 1 << 10;
    const String NAME = "every" + "thing";
    const byte LEAST = -128;
    const float HALF = 0.5f;
    const double QUARTER = 0.25;

    String text = "say hello";
    @nullable String maybeText;
    @utf8InCpp String utf8Text = "it's";
    String[] texts = {"a", "b"};
    @nullable String[] maybeTexts;
    List<String> listed;
    @nullable List<String> maybeListed;
    Flat flat;
    @nullable Flat maybeFlat;
    Flat[] flats;
    @nullable Flat[] maybeFlats;
    List<Flat> listedFlats;
    @nullable List<Flat> maybeListedFlats;
    Choice choice;
    @nullable Choice maybeChoice;
    Choice[] choices;
    Numbers numbers;
    Large large = Large.BEYOND_INT;
    Outer outer;
    Outer.Inner inner;
    ParcelableHolder holder;
    @nullable(heap=true) Everything next;
    @nullable IBinder maybeBinder;
    @nullable ICallback maybeCallback;
    @nullable ParcelFileDescriptor maybeFile;
    @nullable ICallback[] maybeCallbacks;
}
