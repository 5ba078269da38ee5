import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { LossySender } from './control-socket.ts';

it('counts what a slow reader loses, and tells it when the reader reads on', () => {
  const lines: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    writableLength: 0,
    write: (text: string) => lines.push(text),
  });
  const sender = new LossySender(socket as unknown as Socket);
  sender.send({ n: 1 });
  socket.writableLength = 10 * 1024 * 1024;
  sender.send({ n: 2 });
  sender.send({ n: 3 });
  expect(lines).toEqual(['{"n":1}\n']);
  socket.writableLength = 0;
  socket.emit('drain');
  sender.send({ n: 4 });
  expect(lines).toEqual(['{"n":1}\n', '{"lost":2}\n', '{"n":4}\n']);
});
