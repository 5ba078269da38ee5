// A Binder process in a Worker.
import { connectPort } from 'ubinder/port';
import type { Ref } from 'ubinder/runtime';
import { IGuestBook, IToken } from './IGuestBook.ts';

addEventListener(
  'message',
  async ({ data: port }: MessageEvent<MessagePort>) => {
    const binder = await connectPort(port);
    const book = IGuestBook.fromBinder(binder.contextManager());
    const token = IToken.implement({ keep: () => {} });
    postMessage(await book.sign('worker', token as unknown as Ref));
    addEventListener('message', () => {
      binder.close();
      postMessage('left');
    });
  },
  { once: true },
);
