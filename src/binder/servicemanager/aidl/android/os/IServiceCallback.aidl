// SPDX-License-Identifier: Apache-2.0
package android.os;

oneway interface IServiceCallback {
    /** There is a service of that name now, perhaps in place of another. */
    void onRegistration(@utf8InCpp String name, IBinder binder);
}
