// SPDX-License-Identifier: Apache-2.0
package ubinder.interop;

/** One field for each kind of value. */
parcelable Kinds {
    boolean yes;
    byte tiny;
    char letter;
    int number;
    long large;
    float ratio;
    double exact;
    String text;
    @nullable String maybe;
    byte[] bytes;
    int[] numbers;
    String[] texts;
}
