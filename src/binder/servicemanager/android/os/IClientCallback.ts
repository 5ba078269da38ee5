// Written by `ubinder aidl` from android/os/IClientCallback.aidl: change that, not this.
import * as ub from '../../../runtime/index.ts';

/** Told when a service gets its first client, and when it has lost its last. */
export interface IClientCallback {
  /** Whether anybody besides the service manager and the service's own process holds it. */
  onClients(registered: ub.Ref, hasClients: boolean, options?: ub.CallOptions): Promise<void>;
}

export namespace IClientCallback {
  /** What an implementation is made of. */
  export interface Handlers {
    onClients(registered: ub.Ref, hasClients: boolean, call: ub.Call): ub.Awaitable<void>;
  }
}

export const IClientCallback: ub.InterfaceType<IClientCallback, IClientCallback.Handlers> =
  ub.defineInterface('android.os.IClientCallback', {
    format: 1,
    methods: {
      onClients: {
        code: 1,
        oneway: true,
        args: [
          ['registered', 'IBinder'],
          ['hasClients', 'boolean'],
        ],
      },
    },
  });
