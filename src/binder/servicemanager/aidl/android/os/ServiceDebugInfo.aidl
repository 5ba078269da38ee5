// SPDX-License-Identifier: Apache-2.0
package android.os;

parcelable ServiceDebugInfo {
    @utf8InCpp String name;
    /** The process that registered it. */
    int debugPid;
}
