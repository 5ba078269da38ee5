// Written by `ubinder aidl` from p/IShop.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

export interface IShop {
  price(thing: string, options?: ub.CallOptions): Promise<number>;
  stock(thing: string, options?: ub.CallOptions): Promise<number>;
  order(thing: string, options?: ub.CallOptions): Promise<void>;
}

export namespace IShop {
  /** What an implementation is made of. */
  export interface Handlers {
    price(thing: string, call: ub.Call): ub.Awaitable<number>;
    stock(thing: string, call: ub.Call): ub.Awaitable<number>;
    order(thing: string, call: ub.Call): ub.Awaitable<void>;
  }
}

export const IShop: ub.InterfaceType<IShop, IShop.Handlers> = ub.defineInterface('p.IShop', {
  format: 1,
  methods: {
    price: { code: 1, args: [['thing', 'String']], returns: 'int' },
    stock: { code: 2, args: [['thing', 'String']], returns: 'int' },
    order: { code: 3, oneway: true, args: [['thing', 'String']] },
  },
});
