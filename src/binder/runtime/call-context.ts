import { BinderError } from '../parcel/errors.ts';
import type { Call, ServedCall } from './binder.ts';

/** How the call that is being served is found by what its handler calls. */
export interface CallContext {
  /** Runs `body` with `call` as the current one. */
  run<T>(call: Call | null, body: () => T): T;
  /** The call that is being served, if any. */
  current(): Call | null;
}

let running: Call | null = null;

/** Without help from the platform: good until the handler first awaits. Later calls say `{ inside: call }`. */
const synchronous: CallContext = {
  run(call, body) {
    const outer = running;
    running = call;
    try {
      return body();
    } finally {
      running = outer;
    }
  },
  current: () => running,
};

let context: CallContext = synchronous;

/** Node.js gives one that lasts through awaits (AsyncLocalStorage). */
export function setCallContext(better: CallContext): void {
  context = better;
}

export function runInCall<T>(call: Call | null, body: () => T): T {
  return context.run(call, body);
}

export function currentCall(): Call | null {
  return context.current();
}

/**
 * Who calls, for code that a handler calls and does not hand its `call` to; `null` where no call is being served, as in
 * {@link detached}. In Node.js it is known through awaits, timers and events; elsewhere until the handler first awaits.
 *
 * @throws BinderError INVALID_OPERATION once that call has settled: a timer that a handler started would otherwise act for
 *   a caller who has his answer.
 */
export function callingIdentity(): Call | null {
  const call = context.current() as ServedCall | null;
  if (!call?.isSettled) return call;
  throw new BinderError(
    'INVALID_OPERATION',
    'Cannot tell who calls: the call has settled; use detached() for what outlasts it',
  );
}

/**
 * Runs `body` as if no call were served: what it calls takes threads of its own, may outlast the call, and is done in this
 * process's own name.
 */
export function detached<T>(body: () => T): T {
  return context.run(null, body);
}
