/**
 * What time it is, a little late: looking at the clock for each of the questions that a call raises would cost more than
 * most of the answers.
 */
export interface Clock {
  /** Milliseconds, as performance.now(). */
  readonly now: number;
}
