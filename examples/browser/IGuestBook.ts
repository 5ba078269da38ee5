// What `ubinder aidl` writes for
//
//   package example;
//   interface IGuestBook { int sign(String name, IBinder token); String[] guests(); }
import * as ub from 'ubinder/runtime';

export interface IGuestBook {
  sign(name: string, token: ub.Ref, options?: ub.CallOptions): Promise<number>;
  guests(options?: ub.CallOptions): Promise<string[]>;
}
export const IGuestBook: ub.InterfaceType<IGuestBook> = ub.defineInterface('example.IGuestBook', {
  format: 1,
  methods: {
    sign: {
      code: 1,
      args: [
        ['name', 'String'],
        ['token', 'IBinder'],
      ],
      returns: 'int',
    },
    guests: { code: 2, returns: { array: 'String' } },
  },
});

/** What a guest leaves with its name: when the guest's process is gone, so is the token. */
export interface IToken {
  keep(options?: ub.CallOptions): Promise<void>;
}
export const IToken: ub.InterfaceType<IToken> = ub.defineInterface('example.IToken', {
  format: 1,
  methods: { keep: { code: 1 } },
});
