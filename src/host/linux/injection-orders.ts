import type { ThreadId } from '../../driver/ports.ts';

/** How an injection begins: whose, and how the request in which the thread is blocked is answered once it is held. */
export interface Beginning {
  readonly thread: ThreadId;
  /** Its memory: the descriptor of a `BoundMemory`, which stays open as long as it is used. */
  readonly memory: number;
  /** Written to {@link answerFd}. The thread must not get to run by it before it stops: it is traced by then. */
  readonly answer: Uint8Array;
  readonly answerFd: number;
  /** Shared: one of the states below. */
  readonly state: Int32Array;
}

/** Of an injection, where both sides may change it: only from {@link BEGINNING} to one of the others, once. */
export const BEGINNING = 0;
/** The thread is traced, and the injector answers its request. */
export const HELD = 1;
/** Too late: the request was, or will be, answered by somebody else. Nothing more is told but that. */
export const CANCELLED = 2;

/** What is asked of the injecting thread, each for one injection. */
export type Order =
  | {
      readonly type: 'begin';
      readonly id: number;
      readonly beginning: Beginning;
      readonly orders: readonly Order[];
    }
  /** Gives the thread descriptors for ours. */
  | { readonly type: 'install'; readonly id: number; readonly fds: readonly number[] }
  /** Puts a file of ours in the place of a mapping, for reading, shared. */
  | {
      readonly type: 'map';
      readonly id: number;
      readonly fd: number;
      readonly address: number;
      readonly length: number;
    }
  /** Ends the injecting thread, as soon as nothing is under way. */
  | { readonly type: 'retire'; readonly id: 0 }
  /** Ends it: the thread goes on. */
  | { readonly type: 'finish'; readonly id: number; readonly ending: Ending };

/** What the thread finds when it goes on. */
export interface Ending {
  /** Its descriptors that are closed before. */
  readonly closes: readonly number[];
  /** What its system call returns, 0 or -errno; `null` to make the call again, without its user space noticing. */
  readonly result: number | null;
  /** What the argument of the call, a pointer, points to then; `null` to leave it as it was answered. */
  readonly argument: Uint8Array | null;
}

/** What the injecting thread tells. */
export type Report =
  /** Nothing was done to the thread, and nothing will be: its request is still to be answered. */
  | { readonly type: 'refused'; readonly id: number; readonly errno: number }
  /** It was {@link CANCELLED} before the thread was traced. */
  | { readonly type: 'cancelled'; readonly id: number }
  /** An install or map came to an end. */
  | { readonly type: 'done'; readonly id: number; readonly fds: readonly number[]; readonly errno: number }
  /** The thread goes on. */
  | { readonly type: 'finished'; readonly id: number }
  /** The thread ended, or is about to. */
  | { readonly type: 'gone'; readonly id: number }
  /** A descriptor of ours that cannot be closed here without perhaps waiting. */
  | { readonly type: 'close'; readonly id: number; readonly fd: number };
