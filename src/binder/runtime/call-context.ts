import type { Call } from './binder.ts';

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

/** Runs `body` as if no call were served: what it calls takes threads of its own, and may outlast the call. */
export function detached<T>(body: () => T): T {
  return context.run(null, body);
}
