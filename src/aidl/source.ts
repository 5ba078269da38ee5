/** A place in a file: both counted from 1, columns in bytes, as aidl counts them. */
export interface Point {
  readonly line: number;
  readonly column: number;
}

/**
 * A range of a file; `end` is exclusive. As in aidl, a token's range begins where the token before it (or the
 * last line break) ended, so that it may start with blanks.
 */
export interface Location {
  readonly file: string;
  readonly begin: Point;
  readonly end: Point;
}

/** `file:line.column-column`, or `file:line.column-line.column` over several lines. */
export function formatLocation({ file, begin, end }: Location): string {
  const until = begin.line === end.line ? `${end.column}` : `${end.line}.${end.column}`;
  return `${file}:${begin.line}.${begin.column}-${until}`;
}

/** From the beginning of one range to the end of another. */
export function span(first: Location, last: Location): Location {
  return { file: first.file, begin: first.begin, end: last.end };
}

/** A path without `./` in front: what aidl reads, and calls a file it has read. */
export const cleanPath = (path: string): string =>
  path.startsWith('./') ? path.replace(/^(\.\/+)+/, '') : path;
