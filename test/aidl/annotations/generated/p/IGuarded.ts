// Written by `ubinder aidl` from p/IGuarded.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

export interface IGuarded {
  one(token: ub.Ref, options?: ub.CallOptions): Promise<string>;
  any(options?: ub.CallOptions): Promise<string>;
  all(options?: ub.CallOptions): Promise<string>;
  free(text: string, options?: ub.CallOptions): Promise<string>;
}

export namespace IGuarded {
  /** What an implementation is made of. */
  export interface Handlers {
    one(token: ub.Ref, call: ub.Call): ub.Awaitable<string>;
    any(call: ub.Call): ub.Awaitable<string>;
    all(call: ub.Call): ub.Awaitable<string>;
    free(text: string, call: ub.Call): ub.Awaitable<string>;
  }
}

export const IGuarded: ub.InterfaceType<IGuarded, IGuarded.Handlers> = ub.defineInterface('p.IGuarded', {
  format: 1,
  sensitive: true,
  methods: {
    one: {
      code: 1,
      args: [['token', 'IBinder']],
      returns: 'String',
      permission: 'android.permission.INTERNET',
    },
    any: {
      code: 2,
      returns: 'String',
      permission: { any: ['android.permission.INTERNET', 'com.example.OWN'] },
    },
    all: {
      code: 3,
      returns: 'String',
      permission: { all: ['android.permission.INTERNET', 'com.example.OWN'] },
    },
    free: { code: 4, args: [['text', 'String']], returns: 'String' },
  },
});
