// SPDX-License-Identifier: Apache-2.0
package android.os;

/** Where a service on another machine listens. */
parcelable ConnectionInfo {
    @utf8InCpp String ipAddress;
    int port;
}
