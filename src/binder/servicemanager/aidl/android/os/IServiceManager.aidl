// SPDX-License-Identifier: Apache-2.0
package android.os;

import android.os.ConnectionInfo;
import android.os.IClientCallback;
import android.os.IServiceCallback;
import android.os.Service;
import android.os.ServiceDebugInfo;

/** Where services are found by name: the context manager of Android 16. */
interface IServiceManager {
    const int DUMP_FLAG_PRIORITY_CRITICAL = 1 << 0;
    const int DUMP_FLAG_PRIORITY_HIGH = 1 << 1;
    const int DUMP_FLAG_PRIORITY_NORMAL = 1 << 2;
    /** For services that say nothing of their priority. */
    const int DUMP_FLAG_PRIORITY_DEFAULT = 1 << 3;
    const int DUMP_FLAG_PRIORITY_ALL = DUMP_FLAG_PRIORITY_CRITICAL | DUMP_FLAG_PRIORITY_HIGH
            | DUMP_FLAG_PRIORITY_NORMAL | DUMP_FLAG_PRIORITY_DEFAULT;
    /** The service can dump itself as a protocol buffer. */
    const int DUMP_FLAG_PROTO = 1 << 4;
    /** The service is started when it is asked for. */
    const int FLAG_IS_LAZY_SERVICE = 1 << 30;

    /** The service, or null at once; one that can be started is. */
    @nullable IBinder getService(@utf8InCpp String name);

    /** As getService, with what is known of the service. */
    Service getService2(@utf8InCpp String name);

    /** The service if it is registered, else null. */
    @nullable IBinder checkService(@utf8InCpp String name);

    /** As checkService, with what is known of the service. */
    Service checkService2(@utf8InCpp String name);

    /** Registers a service, in place of any that has the name. */
    void addService(@utf8InCpp String name, IBinder service, boolean allowIsolated, int dumpPriority);

    /** The names of the services that have one of the priorities, sorted. */
    @utf8InCpp String[] listServices(int dumpPriority);

    /** Tells `callback` now, if there is such a service, and whenever one is registered. */
    void registerForNotifications(@utf8InCpp String name, IServiceCallback callback);

    void unregisterForNotifications(@utf8InCpp String name, IServiceCallback callback);

    /** Whether the system's manifest says that there is or will be such a service. */
    boolean isDeclared(@utf8InCpp String name);

    /** The instances that the manifest declares of an interface. */
    @utf8InCpp String[] getDeclaredInstances(@utf8InCpp String iface);

    /** The APEX that a declared service comes from, if any. */
    @nullable @utf8InCpp String updatableViaApex(@utf8InCpp String name);

    /** The services that an APEX brings. */
    @utf8InCpp String[] getUpdatableNames(@utf8InCpp String apexName);

    /** Where a declared service is reached that another machine offers. */
    @nullable ConnectionInfo getConnectionInfo(@utf8InCpp String name);

    /** Tells the service's own process when it gets its first client, and when it has none any more. */
    void registerClientCallback(@utf8InCpp String name, IBinder service, IClientCallback callback);

    /** Unregisters a service that has no clients; refused where it has. */
    void tryUnregisterService(@utf8InCpp String name, IBinder service);

    /** Which process serves each service. */
    ServiceDebugInfo[] getServiceDebugInfo();
}
