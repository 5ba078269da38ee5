// SPDX-License-Identifier: Apache-2.0
package android.os;

import android.os.ServiceWithMetadata;

/** What a name stands for: a service, or one who connects to it by other means than Binder. */
union Service {
    ServiceWithMetadata serviceWithMetadata;
    @nullable IBinder accessor;
}
