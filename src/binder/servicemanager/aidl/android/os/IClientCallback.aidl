// SPDX-License-Identifier: Apache-2.0
package android.os;

/** Told when a service gets its first client, and when it has lost its last. */
oneway interface IClientCallback {
    /** Whether anybody besides the service manager and the service's own process holds it. */
    void onClients(IBinder registered, boolean hasClients);
}
