// What Node.js and browsers have in common, and no standard library of TypeScript declares for both.

interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The platform's own AbortSignal, where its types are loaded. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer T } } ? T : AbortSignalLike;

interface Controller {
  readonly signal: Signal;
  abort(reason?: unknown): void;
}

const { AbortController } = globalThis as unknown as { AbortController: new () => Controller };

/** @returns what ends a {@link Signal}, and the signal. */
export function abortController(): Controller {
  return new AbortController();
}

/** A value or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

const settled = Promise.resolve();

/** Calls back in a microtask. A promise's is several times cheaper than `queueMicrotask`, which Node.js has to trace. */
export function soon(callback: () => void): void {
  settled.then(callback);
}
