// SPDX-License-Identifier: Apache-2.0
package android.os;

/** A service, and what its caller should know of it. */
parcelable ServiceWithMetadata {
    /** Null where there is none of the name. */
    @nullable IBinder service;
    /** It may end when it has no clients: do not keep it in a cache. */
    boolean isLazyService;
}
