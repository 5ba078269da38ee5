// What `ubinder aidl` writes for
//
//   package example;
//   oneway interface IListener { void heard(String text); }
//   interface IChat {
//     int say(String text); void join(IListener listener);
//     FileDescriptor history(); int read(out byte[] buf);
//   }
import * as ub from 'ubinder';

export interface IListener {
  heard(text: string, options?: ub.CallOptions): Promise<void>;
}
export const IListener: ub.InterfaceType<IListener> = ub.defineInterface('example.IListener', {
  format: 1,
  methods: { heard: { code: 1, oneway: true, args: [['text', 'String']] } },
});

export interface IChat {
  say(text: string, options?: ub.CallOptions): Promise<number>;
  join(listener: ub.Ref<IListener>, options?: ub.CallOptions): Promise<void>;
  history(options?: ub.CallOptions): Promise<ub.FileDescriptor>;
  read(bufLength: number, options?: ub.CallOptions): Promise<{ result: number; buf: Uint8Array }>;
}
export const IChat: ub.InterfaceType<IChat> = ub.defineInterface('example.IChat', {
  format: 1,
  methods: {
    say: { code: 1, args: [['text', 'String']], returns: 'int' },
    join: { code: 2, args: [['listener', () => IListener]] },
    history: { code: 3, returns: 'FileDescriptor' },
    read: { code: 4, args: [['buf', { array: 'byte' }, 'out']], returns: 'int' },
  },
});
