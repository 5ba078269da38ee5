// Written by `ubinder aidl` from android/os/IServiceCallback.aidl: change that, not this.
import * as ub from '../../../runtime/index.ts';

/** Told of the services of a name that come. */
export interface IServiceCallback {
  /** There is a service of that name now, perhaps in place of another. */
  onRegistration(name: string, binder: ub.Ref, options?: ub.CallOptions): Promise<void>;
}

export namespace IServiceCallback {
  /** What an implementation is made of. */
  export interface Handlers {
    onRegistration(name: string, binder: ub.Ref, call: ub.Call): ub.Awaitable<void>;
  }
}

export const IServiceCallback: ub.InterfaceType<IServiceCallback, IServiceCallback.Handlers> =
  ub.defineInterface('android.os.IServiceCallback', {
    format: 1,
    methods: {
      onRegistration: {
        code: 1,
        oneway: true,
        args: [
          ['name', 'String'],
          ['binder', 'IBinder'],
        ],
      },
    },
  });
