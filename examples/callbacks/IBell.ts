// What `ubinder aidl` writes for
//
//   package example;
//   oneway interface IListener { void rang(int times); }
//   interface IBell { void listen(IListener listener); int ring(); int listeners(); }
import * as ub from 'ubinder/runtime';

export interface IListener {
  rang(times: number, options?: ub.CallOptions): Promise<void>;
}
export const IListener: ub.InterfaceType<IListener> = ub.defineInterface('example.IListener', {
  format: 1,
  methods: { rang: { code: 1, oneway: true, args: [['times', 'int']] } },
});

export interface IBell {
  listen(listener: ub.Ref<IListener>, options?: ub.CallOptions): Promise<void>;
  ring(options?: ub.CallOptions): Promise<number>;
  listeners(options?: ub.CallOptions): Promise<number>;
}
export const IBell: ub.InterfaceType<IBell> = ub.defineInterface('example.IBell', {
  format: 1,
  methods: {
    listen: { code: 1, args: [['listener', () => IListener]] },
    ring: { code: 2, returns: 'int' },
    listeners: { code: 3, returns: 'int' },
  },
});
