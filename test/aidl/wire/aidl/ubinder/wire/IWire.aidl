package ubinder.wire;

import ubinder.wire.Choice;
import ubinder.wire.Everything;
import ubinder.wire.Flat;
import ubinder.wire.Handles;
import ubinder.wire.ICallback;
import ubinder.wire.Large;
import ubinder.wire.Medium;
import ubinder.wire.Numbers;
import ubinder.wire.Outer;
import ubinder.wire.Small;

/** Each type in each direction. */
interface IWire {
    // ---- by value: the same comes back
    boolean echoBoolean(boolean value);
    byte echoByte(byte value);
    char echoChar(char value);
    int echoInt(int value);
    long echoLong(long value);
    float echoFloat(float value);
    double echoDouble(double value);
    String echoString(String value);
    @nullable String echoMaybeString(@nullable String value);
    Small echoSmall(Small value);
    Medium echoMedium(Medium value);
    Large echoLarge(Large value);
    IBinder echoBinder(IBinder value);
    @nullable IBinder echoMaybeBinder(@nullable IBinder value);
    ICallback echoCallback(ICallback value);
    @nullable ICallback echoMaybeCallback(@nullable ICallback value);
    ParcelFileDescriptor echoFile(in ParcelFileDescriptor value);
    @nullable ParcelFileDescriptor echoMaybeFile(in @nullable ParcelFileDescriptor value);
    Outer.Mode echoMode(Outer.Mode value);

    // ---- in each direction: `fresh` and `both` become `given`, and `both` as it was comes back
    boolean[] swapBooleans(in boolean[] given, out boolean[] fresh, inout boolean[] both);
    byte[] swapBytes(in byte[] given, out byte[] fresh, inout byte[] both);
    char[] swapChars(in char[] given, out char[] fresh, inout char[] both);
    int[] swapInts(in int[] given, out int[] fresh, inout int[] both);
    long[] swapLongs(in long[] given, out long[] fresh, inout long[] both);
    float[] swapFloats(in float[] given, out float[] fresh, inout float[] both);
    double[] swapDoubles(in double[] given, out double[] fresh, inout double[] both);
    String[] swapStrings(in String[] given, out String[] fresh, inout String[] both);
    Small[] swapSmalls(in Small[] given, out Small[] fresh, inout Small[] both);
    Medium[] swapMediums(in Medium[] given, out Medium[] fresh, inout Medium[] both);
    Large[] swapLarges(in Large[] given, out Large[] fresh, inout Large[] both);
    Flat[] swapFlats(in Flat[] given, out Flat[] fresh, inout Flat[] both);
    Choice[] swapChoices(in Choice[] given, out Choice[] fresh, inout Choice[] both);
    @nullable byte[] swapMaybeBytes(in @nullable byte[] given, out @nullable byte[] fresh, inout @nullable byte[] both);
    @nullable int[] swapMaybeInts(in @nullable int[] given, out @nullable int[] fresh, inout @nullable int[] both);
    @nullable long[] swapMaybeLongs(in @nullable long[] given, out @nullable long[] fresh, inout @nullable long[] both);
    @nullable double[] swapMaybeDoubles(in @nullable double[] given, out @nullable double[] fresh, inout @nullable double[] both);
    @nullable boolean[] swapMaybeBooleans(in @nullable boolean[] given, out @nullable boolean[] fresh, inout @nullable boolean[] both);
    @nullable char[] swapMaybeChars(in @nullable char[] given, out @nullable char[] fresh, inout @nullable char[] both);
    @nullable float[] swapMaybeFloats(in @nullable float[] given, out @nullable float[] fresh, inout @nullable float[] both);
    @nullable String[] swapMaybeStrings(in @nullable String[] given, out @nullable String[] fresh, inout @nullable String[] both);
    @nullable Flat[] swapMaybeFlats(in @nullable Flat[] given, out @nullable Flat[] fresh, inout @nullable Flat[] both);
    List<String> swapListOfString(in List<String> given, out List<String> fresh, inout List<String> both);
    List<Flat> swapListOfFlat(in List<Flat> given, out List<Flat> fresh, inout List<Flat> both);
    @nullable List<String> swapMaybeListOfString(in @nullable List<String> given, out @nullable List<String> fresh, inout @nullable List<String> both);
    @nullable List<Flat> swapMaybeListOfFlat(in @nullable List<Flat> given, out @nullable List<Flat> fresh, inout @nullable List<Flat> both);
    Flat swapFlat(in Flat given, out Flat fresh, inout Flat both);
    Choice swapChoice(in Choice given, out Choice fresh, inout Choice both);
    Numbers swapNumbers(in Numbers given, out Numbers fresh, inout Numbers both);
    Everything swapEverything(in Everything given, out Everything fresh, inout Everything both);
    Outer swapOuter(in Outer given, out Outer fresh, inout Outer both);
    @nullable Flat swapMaybeFlat(in @nullable Flat given, out @nullable Flat fresh, inout @nullable Flat both);
    @nullable Choice swapMaybeChoice(in @nullable Choice given, out @nullable Choice fresh, inout @nullable Choice both);
    @nullable Everything swapMaybeEverything(in @nullable Everything given, out @nullable Everything fresh, inout @nullable Everything both);
    Outer.Inner swapInner(in Outer.Inner given, out Outer.Inner fresh, inout Outer.Inner both);
    Outer.Inner.Innermost swapInnermost(in Outer.Inner.Innermost given, out Outer.Inner.Innermost fresh, inout Outer.Inner.Innermost both);
    int[2] swapTwoInts(in int[2] given, out int[2] fresh, inout int[2] both);
    int[2][3] swapMatrix(in int[2][3] given, out int[2][3] fresh, inout int[2][3] both);
    Flat[2] swapTwoFlats(in Flat[2] given, out Flat[2] fresh, inout Flat[2] both);

    // ---- what has no default
    Handles echoHandles(in Handles value);
    IBinder[] echoBinders(in IBinder[] value);
    @nullable IBinder[] echoMaybeBinders(in @nullable IBinder[] value);
    List<IBinder> echoListOfBinders(in List<IBinder> value);
    ParcelFileDescriptor[] echoFiles(in ParcelFileDescriptor[] value);

    // ---- the rest
    /** Returns at once; then `callback` is told. */
    oneway void tellLater(ICallback callback, String text);
    int callBack(ICallback callback, int value);
    void fail(int code, String message);
    void nothing();
    /** Names that have to give way. */
    int then(int options, int call);
    int toString(in int[] function, int result);
    /** Calls are passed on to `target`, until it is null. */
    void passOn(@nullable IWire target);
}
