import { isAtLeast, kernelVersion } from '../../linux/kernel.ts';
import type { Attempt } from './fuse-probe.ts';

/** A way of doing something that only newer kernels have. */
export interface Mechanism {
  readonly need: string;
  readonly name: string;
  /** The first kernel that has it: major and minor. */
  readonly since: readonly [number, number];
  /** What is done where it is missing. */
  readonly otherwise: string;
}

/** A mechanism on this machine: there, not there, or not allowed. */
export interface MechanismHere extends Mechanism {
  readonly here: 'yes' | 'no' | 'not allowed';
}

/** What each mechanism gave when it was tried; by the kernel's version where it could not be. */
export interface MechanismAttempts {
  readonly passthrough?: Attempt | 'unsupported' | undefined;
  readonly threadPidfd?: Attempt | undefined;
  readonly mapQuery?: Attempt | undefined;
  readonly descriptor?: Attempt | undefined;
}

const mechanisms: Readonly<Record<keyof MechanismAttempts, Mechanism>> = {
  passthrough: {
    need: "writing into a client's buffer",
    name: 'FUSE passthrough to a memory file',
    since: [6, 9],
    otherwise:
      'clients are made to map the memory, by ptrace; slower stores into the page cache where they may not be traced',
  },
  threadPidfd: {
    need: 'the end of a thread',
    name: 'pidfd of a thread (PIDFD_THREAD)',
    since: [6, 9],
    otherwise: 'threads are looked at from time to time',
  },
  mapQuery: {
    need: "finding a client's buffer",
    name: 'ioctl PROCMAP_QUERY',
    since: [6, 11],
    otherwise: '/proc/PID/maps is read, slower with many mappings',
  },
  descriptor: {
    need: 'passing descriptors',
    name: 'pidfd_getfd',
    since: [5, 6],
    otherwise: 'transactions with descriptors fail',
  },
};

/** The table of mechanisms for a kernel, with what trying them gave. */
export function mechanismsHere(release: string, attempts: MechanismAttempts): MechanismHere[] {
  return (Object.keys(mechanisms) as (keyof MechanismAttempts)[]).map((key) => {
    const mechanism = mechanisms[key];
    return {
      ...mechanism,
      here: outcome(attempts[key], isAtLeast(kernelVersion(release), ...mechanism.since)),
    };
  });
}

function outcome(attempt: Attempt | undefined, bySize: boolean): MechanismHere['here'] {
  if (attempt === undefined || attempt === 'untried') return bySize ? 'yes' : 'no';
  if (attempt === 'ok') return 'yes';
  return attempt === 'EPERM' || attempt === 'EACCES' ? 'not allowed' : 'no';
}
