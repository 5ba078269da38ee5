// Written by `ubinder aidl` from ubinder/wire/ICallback.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

/** Called back. */
export interface ICallback {
  twice(value: number, options?: ub.CallOptions): Promise<number>;
  tell(text: string, options?: ub.CallOptions): Promise<void>;
}

export namespace ICallback {
  /** What an implementation is made of. */
  export interface Handlers {
    twice(value: number, call: ub.Call): ub.Awaitable<number>;
    tell(text: string, call: ub.Call): ub.Awaitable<void>;
  }
}

export const ICallback: ub.InterfaceType<ICallback, ICallback.Handlers> = ub.defineInterface(
  'ubinder.wire.ICallback',
  {
    format: 1,
    methods: {
      twice: { code: 1, args: [['value', 'int']], returns: 'int' },
      tell: { code: 2, oneway: true, args: [['text', 'String']] },
    },
  },
);
