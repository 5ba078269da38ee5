/** What a Binder thread in a Worker is started with. Both arrays are shared. */
export interface ThreadWorkerData {
  readonly fd: number;
  /** Of the argument of its ioctls. */
  readonly argument: number;
  /** The thread's own words, at the places below. */
  readonly words: Int32Array;
  /** Rung when any thread of the carrier is done: a number that changes. */
  readonly bell: Int32Array;
}

/** Changes when the thread is to make an ioctl. */
export const GO = 0;
/** Which ioctl. */
export const COMMAND = 1;
/** Becomes equal to {@link GO} when it is made. */
export const DONE = 2;
/** What came of it: 0 or a positive errno. */
export const RESULT = 3;
/** Not 0: nothing is to be done any more. */
export const ENDING = 4;
/** The ioctl after which it ends; 0 for none. */
export const LAST = 5;
/** 1 when it has loaded what it calls, or has failed to. */
export const STARTED = 6;
/** Not 0: of a reply that is written nobody needs to hear that it was taken. */
export const QUIET = 7;
export const WORDS = 8;

/** Bytes of BR commands read at once. */
export const READ_SIZE = 512;
/** Where the read buffer begins, behind struct binder_write_read at the beginning of the argument. */
export const READ_AT = 64;
