import { existsSync, readFileSync } from 'node:fs';
import { arch, platform, release } from 'node:os';
import {
  probeKernelBinder,
  probeMemoryFiles,
  probeProc,
  probeRequestTimeouts,
} from '../../linux/capabilities.ts';
import { tryUserNamespace } from '../namespaces.ts';
import { probeCall } from './call-probe.ts';
import { type Conclusion, canMount, conclude } from './conclusions.ts';
import { type Finding, finding, findingIds } from './finding.ts';
import type { FuseReport } from './fuse-probe.ts';
import type { FusermountReport } from './fusermount-probe.ts';
import { whoForbids } from './guards.ts';
import { type Answer, startProbe, tryInChild } from './in-child.ts';
import {
  judgeCall,
  judgeFuse,
  judgeFuseDevice,
  judgeFusermount,
  judgeKernelBinder,
  judgeProbe,
  judgeRequestTimeouts,
  judgeRights,
  judgeRootlessMemory,
  judgeRootlessMount,
  judgeUserNamespace,
  NOBODY,
} from './judge.ts';
import { inspectMachine, type Machine } from './machine.ts';
import { type MechanismHere, mechanismsHere } from './mechanisms.ts';
import type { ProcessReport, Target } from './process-probe.ts';

/** Everything `ubinder doctor` knows; its JSON form. */
export interface Diagnosis {
  readonly version: 1;
  readonly system: {
    readonly platform: string;
    readonly kernel: string;
    readonly arch: string;
    readonly node: string;
    readonly uid: number;
    /** What surrounds the process, where that changes what to do. */
    readonly surroundings: readonly Surroundings[];
  };
  readonly findings: readonly Finding[];
  readonly mechanisms: readonly MechanismHere[];
  readonly conclusions: readonly Conclusion[];
  /** Whether native programs can be served here. */
  readonly canMount: boolean;
}

/** Places with limits of their own. */
export type Surroundings = 'container' | 'wsl' | 'ci';

/** Looks at this machine and tries what ubinder needs. Takes a few seconds, up to a minute and a half on a machine that hangs. */
export async function diagnose(): Promise<Diagnosis> {
  const uid = process.geteuid?.() ?? -1;
  const isRoot = uid === 0;
  const { findings, fuse, rights } = platform() === 'linux' ? await tryEverything(isRoot) : notLinux();
  const conclusions = conclude(findings, { isRoot, uid });
  return {
    version: 1,
    system: {
      platform: platform(),
      kernel: release(),
      arch: arch(),
      node: process.version,
      uid,
      surroundings: surroundings(thisMachine, process.env),
    },
    findings,
    mechanisms:
      platform() === 'linux'
        ? mechanismsHere(release(), {
            // The kernel lets nobody register files who may not mount outside of user namespaces.
            passthrough: fuse?.mount === 'ok' ? fuse.passthrough : 'EPERM',
            threadPidfd: rights?.threadPidfd,
            mapQuery: rights?.mapQuery,
            descriptor: rights?.descriptor,
          })
        : [],
    conclusions,
    canMount: canMount(conclusions),
  };
}

const thisMachine: Machine = {
  release: release(),
  read: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  exists: existsSync,
};

/** What surrounds a process on the given machine. */
export function surroundings({ release, exists }: Machine, env: NodeJS.ProcessEnv): Surroundings[] {
  const found: Surroundings[] = [];
  if (exists('/.dockerenv') || exists('/run/.containerenv')) found.push('container');
  if (/microsoft/i.test(release)) found.push('wsl');
  if (env.CI) found.push('ci');
  return found;
}

interface Tried {
  readonly findings: Finding[];
  readonly fuse?: FuseReport | undefined;
  readonly rights?: ProcessReport | undefined;
}

function notLinux(): Tried {
  return {
    findings: [
      finding('kernel', 'kernel', 'no', `${platform()} has no FUSE that ubinder speaks; use Linux or WSL2`),
    ],
  };
}

async function tryEverything(isRoot: boolean): Promise<Tried> {
  const [fuse, rights] = await Promise.all([tryInChild<FuseReport>(['fuse']), probeOther()]);
  const mounts = 'report' in fuse && fuse.report.mount === 'ok';
  // Root that may mount needs no user namespace itself: it learns what an ordinary user may do by being one.
  const uid = isRoot && mounts ? NOBODY : undefined;
  const namespace = tryUserNamespace(uid);
  const inNamespace = <T>(...args: string[]): Promise<Answer<T>> =>
    'way' in namespace
      ? tryInChild<T>(args, { through: namespace.way.argv, uid })
      : Promise.resolve({ failure: 'needs a user namespace' });
  const [fusermount, rootlessFuse, rootlessRights] = await Promise.all([
    isRoot && !mounts
      ? { failure: 'root that may not mount cannot try it as another user' }
      : tryInChild<FusermountReport>(uid === undefined ? ['fusermount'] : ['fusermount', `${uid}`]),
    inNamespace<FuseReport>('fuse', 'entered'),
    inNamespace<ProcessReport>('process'),
  ]);
  // Last, and alone: it is a daemon with its clients
  const call = await probeCall();
  const findings = [
    ...inspectMachine(thisMachine),
    judgeProbe('proc', '/proc shows our processes', probeProc()),
    judgeProbe('memory-files', 'memory files', probeMemoryFiles()),
    judgeRequestTimeouts(probeRequestTimeouts()),
    judgeKernelBinder(probeKernelBinder()),
    judgeFuseDevice(),
    ...judgeFuse(fuse, isRoot),
    ...judgeRights(rights, whoForbids(thisMachine)),
    judgeUserNamespace(namespace),
    judgeRootlessMount(rootlessFuse, uid),
    judgeRootlessMemory(rootlessRights),
    judgeFusermount(fusermount, uid),
    judgeCall(call),
  ];
  findings.sort((a, b) => findingIds.indexOf(a.id) - findingIds.indexOf(b.id));
  return {
    findings,
    fuse: 'report' in fuse ? fuse.report : undefined,
    rights: 'report' in rights ? rights.report : undefined,
  };
}

/** Another process of the same user that is no descendant of the one who looks at it: as clients are to a daemon. */
async function probeOther(): Promise<Answer<ProcessReport>> {
  await using target = startProbe<Target>(['target']);
  const answer = await target.answer;
  if ('failure' in answer) return answer;
  return await tryInChild<ProcessReport>(['process', JSON.stringify(answer.report)]);
}
