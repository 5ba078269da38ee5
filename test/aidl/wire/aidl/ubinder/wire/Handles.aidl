package ubinder.wire;

import ubinder.wire.ICallback;

/** What has no default: each must be given. */
parcelable Handles {
    IBinder binder;
    ICallback callback;
    ParcelFileDescriptor file;
    IBinder[] binders;
    List<IBinder> listed;
    ICallback[] callbacks;
    ParcelFileDescriptor[] files;
}
