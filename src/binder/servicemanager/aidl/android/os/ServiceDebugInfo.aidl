// SPDX-License-Identifier: Apache-2.0
package android.os;

/** Who serves a name. */
parcelable ServiceDebugInfo {
    @utf8InCpp String name;
    /** The process that registered it. */
    int debugPid;
}
