// Written by `ubinder aidl` from ubinder/wire/Handles.aidl: change that, not this.
import * as ub from 'ubinder/runtime';
import { ICallback } from './ICallback.ts';

/** What has no default: each must be given. */
export interface Handles {
  binder: ub.Ref;
  callback: ub.Ref<ICallback>;
  file: ub.FileDescriptor;
  binders: ub.Ref[];
  listed: ub.Ref[];
  callbacks: ub.Ref<ICallback>[];
  files: ub.FileDescriptor[];
}

export namespace Handles {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    binder: ub.Ref;
    callback: ub.Ref<ICallback>;
    file: ub.FileDescriptor;
    binders?: ArrayLike<ub.Ref> | undefined;
    listed?: ArrayLike<ub.Ref> | undefined;
    callbacks?: ArrayLike<ub.Ref<ICallback>> | undefined;
    files?: ArrayLike<ub.FileDescriptor> | undefined;
  }
}

export const Handles: ub.ParcelableType<Handles, Handles.Init> = ub.defineParcelable('ubinder.wire.Handles', {
  format: 1,
  fields: [
    ['binder', 'IBinder'],
    ['callback', () => ICallback],
    ['file', 'ParcelFileDescriptor'],
    ['binders', { array: 'IBinder' }],
    ['listed', { list: 'IBinder' }],
    ['callbacks', { array: () => ICallback }],
    ['files', { array: 'ParcelFileDescriptor' }],
  ],
});
