// What `ubinder aidl` writes for
//
//   package example;
//   interface IEcho { String echo(String text); }
import * as ub from 'ubinder/runtime';

export interface IEcho {
  echo(text: string, options?: ub.CallOptions): Promise<string>;
}
export const IEcho: ub.InterfaceType<IEcho> = ub.defineInterface('example.IEcho', {
  format: 1,
  methods: { echo: { code: 1, args: [['text', 'String']], returns: 'String' } },
});
