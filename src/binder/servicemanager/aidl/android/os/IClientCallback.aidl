// SPDX-License-Identifier: Apache-2.0
package android.os;

oneway interface IClientCallback {
    /** Whether anybody besides the service manager and the service's own process holds it. */
    void onClients(IBinder registered, boolean hasClients);
}
