import type { MessagePort } from 'node:worker_threads';

/** What the injecting thread is started with. */
export interface InjectorThreadData {
  readonly port: MessagePort;
  /** Shared: at {@link ORDERS} and {@link REPORTS} a number that changes with each message in that direction. */
  readonly signals: Int32Array;
}

export const ORDERS = 0;
export const REPORTS = 1;
