import type { Finding, FindingId } from './finding.ts';

/** A way of using ubinder, and whether it will work here. */
export interface Conclusion {
  readonly id: 'root' | 'run' | 'rootless' | 'embedded';
  /** What it is, with the command. */
  readonly title: string;
  readonly works: boolean;
  readonly detail: string;
}

/** Whether the process may do what root may; `uid` is its own. */
export interface Who {
  readonly isRoot: boolean;
  readonly uid: number;
}

/** What will work, from what was found. */
export function conclude(findings: readonly Finding[], { isRoot, uid }: Who): Conclusion[] {
  const passed = (...ids: FindingId[]): boolean => ids.every((id) => verdictOf(findings, id) === 'ok');
  const missing = (...ids: FindingId[]): string =>
    findings
      .filter(({ id, verdict }) => ids.includes(id) && verdict !== 'ok')
      .map(({ title }) => title)
      .join(', ');
  const needs = (...ids: FindingId[]): { works: boolean; detail: string } =>
    passed(...ids) ? { works: true, detail: '' } : { works: false, detail: `needs: ${missing(...ids)}` };

  const asRoot = isRoot
    ? needs('fuse-mount', 'read-memory', 'proc', 'memory-files', 'call')
    : { works: false, detail: `not tried: you are uid ${uid}; sudo ubinder doctor tells` };
  const inNamespace = needs('user-namespace', 'rootless-mount', 'rootless-memory', 'proc', 'memory-files');
  // A daemon without capabilities reads its clients' memory only where Yama lets it.
  const byHelper = isRoot
    ? { works: false, detail: 'not tried: you are root' }
    : needs('fuse-device', 'fusermount3', 'read-memory', 'proc', 'memory-files', 'call');
  return [
    { id: 'root', title: 'a mount by root (sudo ubinder up)', ...asRoot },
    {
      id: 'run',
      title: 'one command (ubinder run -- COMMAND)',
      works: asRoot.works || inNamespace.works,
      detail: runDetail(asRoot.works, inNamespace),
    },
    { id: 'rootless', title: "an ordinary user's mount (ubinder up)", ...byHelper },
    {
      id: 'embedded',
      title: 'inside one TypeScript program',
      works: true,
      detail: 'always; native programs cannot take part',
    },
  ];
}

/** Whether anything but the embedded driver works: native programs can be served. */
export function canMount(conclusions: readonly Conclusion[]): boolean {
  return conclusions.some(({ id, works }) => works && id !== 'embedded');
}

function runDetail(asRoot: boolean, inNamespace: { works: boolean; detail: string }): string {
  if (asRoot)
    return inNamespace.works
      ? 'as root, and as an ordinary user'
      : `as root; an ordinary user ${inNamespace.detail}`;
  return inNamespace.works ? 'in a user namespace' : inNamespace.detail;
}

function verdictOf(findings: readonly Finding[], id: FindingId): string {
  return findings.find((found) => found.id === id)?.verdict ?? 'unknown';
}
