// Written by `ubinder aidl` from p/IShopV1.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

/** IShop as it was when it was new. */
export interface IShopV1 {
  price(thing: string, options?: ub.CallOptions): Promise<number>;
}

export namespace IShopV1 {
  /** What an implementation is made of. */
  export interface Handlers {
    price(thing: string, call: ub.Call): ub.Awaitable<number>;
  }
}

export const IShopV1: ub.InterfaceType<IShopV1, IShopV1.Handlers> = ub.defineInterface('p.IShop', {
  format: 1,
  methods: {
    price: { code: 1, args: [['thing', 'String']], returns: 'int' },
  },
});
