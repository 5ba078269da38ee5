import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BELL, GATE, OWNER, ReadGate } from './read-gate.ts';

// The rescue's side is played here, as its thread plays it: rescue-worker.ts.

let gate: ReadGate;
let words: Int32Array;
let rescue: MessagePort;
const into = new Uint8Array(64);

beforeEach(() => {
  const { port1, port2 } = new MessageChannel();
  gate = new ReadGate(port1);
  words = new Int32Array(gate.shared);
  rescue = port2;
});

afterEach(() => gate.close());

/** The rescue has read a request, and hands it over. */
function take(...bytes: number[]): void {
  rescue.postMessage(Uint8Array.from(bytes));
  words[GATE.taken] = (words[GATE.taken] as number) + 1;
}

test('who enters owns the gate until it leaves, and leaving is a sign of life', () => {
  expect(gate.enter(into)).toBe(0);
  expect(words[GATE.owner]).toBe(OWNER.server);
  const before = words[GATE.beat];
  gate.leave();
  expect(words[GATE.owner]).toBe(OWNER.nobody);
  expect(words[GATE.beat]).not.toBe(before);
});

test('what the rescue took comes first, in its order, before anything is read', () => {
  take(1, 2, 3);
  take(4);
  expect(gate.enter(into)).toBe(3);
  expect([...into.subarray(0, 3)]).toEqual([1, 2, 3]);
  expect(words[GATE.owner], 'there is nothing to be left').toBe(OWNER.nobody);
  expect(gate.enter(into)).toBe(1);
  expect(into[0]).toBe(4);
  expect(gate.enter(into)).toBe(0);
  expect(words[GATE.owner]).toBe(OWNER.server);
});

test('a serving thread that sleeps is told of what the rescue took', async () => {
  const told = new Promise<void>((resolve) => {
    gate.onTaken = resolve;
  });
  take(5, 6);
  await told;
  expect(gate.enter(into)).toBe(2);
  expect([...into.subarray(0, 2)]).toEqual([5, 6]);
  expect(gate.enter(into)).toBe(0);
});

test('while the rescue reads the serving thread waits, and rings for it', async () => {
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads');
    const { shared, port, owner, taken, bell, nobody, rung } = workerData;
    const words = new Int32Array(shared);
    while (Atomics.load(words, bell) !== rung) Atomics.wait(words, bell, Atomics.load(words, bell), 1000);
    port.postMessage(Uint8Array.of(9));
    Atomics.add(words, taken, 1);
    Atomics.store(words, owner, nobody);
    Atomics.notify(words, owner);`,
    {
      eval: true,
      workerData: { shared: gate.shared, port: rescue, ...GATE, nobody: OWNER.nobody, rung: BELL.rung },
      transferList: [rescue],
    },
  );
  words[GATE.owner] = OWNER.rescue;
  expect(gate.enter(into)).toBe(1);
  expect(into[0]).toBe(9);
  await once(worker, 'exit');
});

test('a rescue that dozes is woken when the serving thread wakes up, and one that does not is left alone', () => {
  gate.wake();
  expect(words[GATE.bell]).toBe(BELL.quiet);
  words[GATE.bell] = BELL.dozing;
  gate.wake();
  expect(words[GATE.bell]).toBe(BELL.rung);
});

test('the rescue is told of the end', () => {
  gate.close();
  expect([words[GATE.over], words[GATE.bell]]).toEqual([1, BELL.rung]);
});
