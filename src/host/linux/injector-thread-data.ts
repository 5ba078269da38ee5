import type { MessagePort } from 'node:worker_threads';

/** What the injecting thread is started with. */
export interface InjectorThreadData {
  readonly port: MessagePort;
  /** Shared; see {@link WORD}. */
  readonly words: Int32Array;
}

export const WORD = {
  /** A number that changes with each order. */
  orders: 0,
  /** The thread's id, when it has begun; {@link FAILED} when it could not. */
  thread: 1,
  /** 1 while it waits for a stop: it must be woken up to hear an order. */
  waits: 2,
  /** {@link ABANDON} when it shall end, whatever is under way; {@link ABANDONED} when it has. */
  abandon: 3,
} as const;

export const FAILED = -1;

export const ABANDON = 1;
export const ABANDONED = 2;
