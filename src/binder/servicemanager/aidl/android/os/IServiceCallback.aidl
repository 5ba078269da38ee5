// SPDX-License-Identifier: Apache-2.0
package android.os;

/** Told of the services of a name that come. */
oneway interface IServiceCallback {
    /** There is a service of that name now, perhaps in place of another. */
    void onRegistration(@utf8InCpp String name, IBinder binder);
}
