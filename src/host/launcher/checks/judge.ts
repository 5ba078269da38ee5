import type { KernelBinder, Probe, RequestTimeouts } from '../../linux/capabilities.ts';
import { explainFuseError, fuseMode, whyFuseIsClosed } from '../fuse-device.ts';
import type { UserNamespaceAttempt } from '../namespaces.ts';
import type { CallReport } from './call-probe.ts';
import { type Finding, type FindingId, finding } from './finding.ts';
import type { Attempt, FuseReport } from './fuse-probe.ts';
import type { FusermountReport } from './fusermount-probe.ts';
import type { Answer } from './in-child.ts';
import type { ProcessReport } from './process-probe.ts';

/** The user whom root tries to be, to learn what an ordinary user may do: `nobody` on every distribution. */
export const NOBODY = 65534;

/** Whether /dev/fuse opens for us, and for others. */
export function judgeFuseDevice(
  why: string | undefined = whyFuseIsClosed(),
  mode: string = fuseMode(),
): Finding {
  const title = '/dev/fuse opens';
  if (why !== undefined) return finding('fuse-device', title, 'no', why);
  const forAll = (Number.parseInt(mode, 8) & 0o006) === 0o006;
  const detail = forAll ? '' : `for you; mode ${mode} keeps ordinary users out: chmod 0666 /dev/fuse`;
  return finding('fuse-device', title, 'ok', detail);
}

/** What a FUSE mount of root told. */
export function judgeFuse(answer: Answer<FuseReport>, isRoot: boolean): Finding[] {
  const title = 'mounting FUSE as root';
  const passthrough = 'passthrough to memory files';
  if ('failure' in answer)
    return [
      finding('fuse-mount', title, 'unknown', answer.failure),
      finding('passthrough', passthrough, 'unknown', answer.failure),
    ];
  const { namespace, device, mount, passthrough: mapped } = answer.report;
  const reason = mountFailure({ namespace, device, mount });
  if (reason)
    return [
      finding('fuse-mount', title, isRoot ? 'no' : 'unknown', isRoot ? reason : 'you are not root'),
      finding('passthrough', passthrough, 'unknown', isRoot ? 'needs the mount' : 'needs root'),
    ];
  return [
    finding('fuse-mount', title, 'ok', 'mounted, answered and unmounted one'),
    finding('passthrough', passthrough, ...judgePassthrough(mapped)),
  ];
}

function judgePassthrough(attempt: Attempt | 'unsupported'): ['ok' | 'warn', string] {
  if (attempt === 'ok') return ['ok', 'fastest'];
  const why =
    attempt === 'unsupported'
      ? 'this kernel does not have it (Linux 6.9 does)'
      : attempt === 'EPERM'
        ? 'needs CAP_SYS_ADMIN outside of user namespaces'
        : attempt;
  return ['warn', `${why}; slower ways are used`];
}

function mountFailure({
  namespace,
  device,
  mount,
}: Pick<FuseReport, 'namespace' | 'device' | 'mount'>): string | undefined {
  if (namespace === 'EPERM') return 'no right to (CAP_SYS_ADMIN): in Docker --cap-add SYS_ADMIN';
  if (namespace !== 'ok')
    return `a security policy forbids it (${namespace}): in Docker --security-opt apparmor=unconfined`;
  if (device !== 'ok') return explainFuseError(device);
  if (mount === 'EACCES' || mount === 'EPERM')
    return `a security policy forbids it (${mount}): in Docker --security-opt apparmor=unconfined`;
  return mount === 'ok' ? undefined : mount;
}

/**
 * What trying rights over another process told.
 *
 * @param guard who forbids what is forbidden, and what to do about it.
 */
export function judgeRights(answer: Answer<ProcessReport>, guard: string): Finding[] {
  const titles = {
    memory: "reading a client's memory",
    trace: 'tracing a client',
    descriptor: "copying a client's descriptors",
  };
  const judge = (
    id: Finding['id'],
    what: keyof typeof titles,
    bad: 'no' | 'warn',
    without: string,
  ): Finding => {
    const title = titles[what];
    if ('failure' in answer) return finding(id, title, 'unknown', answer.failure);
    const attempt = answer.report[what];
    if (attempt === 'ok') return finding(id, title, 'ok', '');
    const isForbidden = attempt === 'EPERM' || attempt === 'EACCES';
    return finding(id, title, bad, `${attempt}: ${without}${isForbidden ? `; forbidden by ${guard}` : ''}`);
  };
  return [
    judge('read-memory', 'memory', 'no', 'no daemon can work'),
    judge('trace', 'trace', 'warn', 'clients cannot be sent descriptors'),
    judge('copy-descriptor', 'descriptor', 'warn', 'clients cannot send descriptors'),
  ];
}

/**
 * What a FUSE mount in a user namespace told.
 *
 * @param user whom it was tried as; ourselves when absent.
 */
export function judgeRootlessMount(answer: Answer<FuseReport>, user: number | undefined): Finding {
  const title = 'mounting FUSE in a user namespace';
  const [who, bad] = user === undefined ? [[], 'no' as const] : [[`as uid ${user}`], 'warn' as const];
  if ('failure' in answer) return finding('rootless-mount', title, 'unknown', answer.failure);
  const reason = mountFailure(answer.report);
  if (reason) return finding('rootless-mount', title, bad, [...who, reason].join(': '));
  return finding('rootless-mount', title, 'ok', who.join());
}

/** What reading memory in a user namespace told. */
export function judgeRootlessMemory(answer: Answer<ProcessReport>): Finding {
  const title = "reading a client's memory in a user namespace";
  if ('failure' in answer) return finding('rootless-memory', title, 'unknown', answer.failure);
  const { memory } = answer.report;
  return finding('rootless-memory', title, memory === 'ok' ? 'ok' : 'no', memory === 'ok' ? '' : memory);
}

/**
 * What mounting by fusermount3 told.
 *
 * @param user whom it was tried as; ourselves when absent.
 */
export function judgeFusermount(answer: Answer<FusermountReport>, user: number | undefined): Finding {
  const title = 'mounting by fusermount3, for ordinary users';
  if ('failure' in answer) return finding('fusermount3', title, 'unknown', answer.failure);
  // What it says itself, without the command line that we gave it
  const said = answer.report.complaint.replace(/^.*: fusermount3: /, '');
  const complaint = said.includes('open /dev/fuse') ? `${said}; let root chmod 0666 it, as udev does` : said;
  const who = user === undefined ? '' : `as uid ${user}`;
  if (complaint === '') return finding('fusermount3', title, 'ok', who);
  return finding('fusermount3', title, 'warn', who ? `${who}: ${complaint}` : complaint);
}

/** What a call from one process to another told: mounting, opening, mapping and delivering, all together. */
export function judgeCall(answer: Answer<CallReport>): Finding {
  const title = 'a call through a mount, as this user';
  if ('failure' in answer) return finding('call', title, 'no', answer.failure);
  const { complaint } = answer.report;
  if (complaint === '') return finding('call', title, 'ok', 'mapped, delivered and answered');
  return finding('call', title, 'warn', complaint);
}

/** Whether an ordinary user gets a user namespace. */
export function judgeUserNamespace(tried: UserNamespaceAttempt): Finding {
  const title = 'user namespaces';
  if ('failure' in tried) return finding('user-namespace', title, 'no', tried.failure);
  const detail =
    tried.way.mapping === 'same-user'
      ? ''
      : '`unshare` is older than util-linux 2.35: in `ubinder run` the user appears as root';
  return finding('user-namespace', title, 'ok', detail);
}

/** What a probe with a plain answer told. */
export function judgeProbe(id: FindingId, title: string, probe: Probe<boolean>): Finding {
  return finding(id, title, probe.value ? 'ok' : 'no', probe.value ? '' : probe.reason);
}

/** A kernel that limits how long a request may take ends every mount with a client that waits for a call. */
export function judgeRequestTimeouts({ value, reason }: Probe<RequestTimeouts | null>): Finding {
  const limited = value !== null && (value.default !== 0 || value.max !== 0);
  return finding(
    'request-timeout',
    'no time limit on FUSE requests',
    limited ? 'warn' : 'ok',
    limited ? reason : '',
  );
}

/** A binder of the kernel's own is no obstacle. */
export function judgeKernelBinder({ reason }: Probe<KernelBinder>): Finding {
  return finding('kernel-binder', "the kernel's own binder", 'ok', reason);
}
