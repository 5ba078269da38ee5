// SPDX-License-Identifier: Apache-2.0
package ubinder.interop;

parcelable Note {
    String title;
    int number;
    double weight;
    long[] values;
    @nullable String remark;
}
