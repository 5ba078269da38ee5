// An object that records what its calls carry.

import { asBinder, type Parcel, type Ref } from 'ubinder/runtime';
import { LocalBinder, newRef, type ServedCall } from '../../../dist/binder/runtime/binder.js';

/** One call, as its bytes were. Replies of oneway calls are empty. */
export interface Recording {
  readonly code: number;
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
}

/** Serves `object`, and tells of each call that it answered. */
export function recorded(object: object, record: (recording: Recording) => void): Ref {
  const inner = asBinder(object) as LocalBinder;
  class Recorder extends LocalBinder {
    readonly descriptor = inner.descriptor;
    readonly stability = inner.stability;

    async transact(code: number, data: Parcel, reply: Parcel, call: ServedCall): Promise<void> {
      const request = masked(data);
      await inner.transact(code, data, reply, call);
      record({ code, request, reply: masked(reply) });
    }
  }
  return newRef(new Recorder());
}

/** The bytes, without what the driver writes anew for who receives an object: whose it is, its flags and numbers. */
export function masked({ bytes, offsets }: Parcel): Uint8Array {
  const copy = bytes.slice();
  // flat_binder_object: type (4) | flags (4) | pointer or handle (8) | cookie (8)
  for (const at of offsets) {
    // A binder of the receiver's own is a handle elsewhere.
    if (copy[at + 2] === 'b'.charCodeAt(0)) copy[at + 2] = 'h'.charCodeAt(0);
    copy.fill(0, at + 4, at + 24);
  }
  return copy;
}
