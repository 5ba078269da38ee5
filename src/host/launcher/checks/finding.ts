/** How good the answer to one question about the machine is. `unknown`: it could not be tried. */
export type Verdict = 'ok' | 'warn' | 'no' | 'unknown';

/** One thing that was looked at or tried. */
export interface Finding {
  /** Stable, for programs that read the JSON form. */
  readonly id: FindingId;
  /** What was tried, in a few words. */
  readonly title: string;
  readonly verdict: Verdict;
  /** What came out, and what to do where it is not `ok`. */
  readonly detail: string;
}

/** In the order in which they are shown. */
export const findingIds = [
  'kernel',
  'proc',
  'memory-files',
  'fuse-device',
  'fuse-mount',
  'passthrough',
  'read-memory',
  'trace',
  'copy-descriptor',
  'user-namespace',
  'rootless-mount',
  'rootless-memory',
  'fusermount3',
  'call',
  'request-timeout',
  'yama',
  'apparmor',
  'kernel-binder',
] as const;

/** Names a {@link Finding}. */
export type FindingId = (typeof findingIds)[number];

/** A finding in one line of code. */
export function finding(id: FindingId, title: string, verdict: Verdict, detail: string): Finding {
  return { id, title, verdict, detail };
}
