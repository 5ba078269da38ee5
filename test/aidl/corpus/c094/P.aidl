parcelable P { /* x */ int a; /** @hide */ int b; /** @deprecated */ @nullable String c; // @hide
int d; /** @hide */ /* foo */ int e; /**
 * Text
 *   @deprecated Use  foo
 *   instead
 * @hide
 */ @nullable /** @hide */ String f; /** @hide */ const int A = 1; }