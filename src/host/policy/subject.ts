/** A process as rules see it: what was true when it opened its device. */
export interface Subject {
  readonly pid: number;
  /** Effective user and group id, in the daemon's user namespace. */
  readonly uid: number;
  readonly gid: number;
  /** Path of its program; `null` when that cannot be known. */
  readonly executable: string | null;
  /** Its security label, or the one told for processes without. */
  readonly label: string;
  /** Name of the device. */
  readonly device: string;
}

/** For messages: `pid 4711 (uid 1000, /usr/bin/service, u:r:ubinder:s0)`. */
export function describeSubject({ pid, uid, executable, label }: Subject): string {
  return `pid ${pid} (uid ${uid}, ${executable ?? 'unknown program'}, ${label})`;
}
