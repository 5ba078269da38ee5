import { type CallOptions, defineInterface, type InterfaceType } from '../runtime/index.ts';

/** An object that is told and asked things, for tests of callbacks. */
export interface IListener {
  heard(text: string, options?: CallOptions): Promise<void>;
  asked(text: string, options?: CallOptions): Promise<string>;
}
export const IListener: InterfaceType<IListener> = defineInterface<IListener>('test.IListener', {
  format: 1,
  methods: {
    heard: { code: 1, oneway: true, args: [['text', 'String']] },
    asked: { code: 2, args: [['text', 'String']], returns: 'String' },
  },
});
