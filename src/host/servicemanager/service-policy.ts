import { readFileSync, readlinkSync } from 'node:fs';
import type { Call } from '../../binder/runtime/index.ts';
import type { ServiceAccess } from '../../binder/servicemanager/index.ts';
import type { Policy } from '../policy/policy.ts';
import type { Subject } from '../policy/subject.ts';

/** Stands for no group. */
const NOBODY = 0xffff_ffff;

/** The rules of a policy on services, as the service manager of a device asks them. */
export class ServicePolicy implements ServiceAccess {
  readonly #policy: () => Policy;
  readonly #device: string;

  /**
   * @param policy - tells the rules in force
   * @param device - its name
   */
  constructor(policy: () => Policy, device: string) {
    this.#policy = policy;
    this.#device = device;
  }

  mayAdd(call: Call, service: string): boolean {
    return this.#policy().allows({ action: 'service-add', from: this.#subject(call), service });
  }

  mayFind(call: Call, service: string): boolean {
    return this.#policy().allows({ action: 'service-find', from: this.#subject(call), service });
  }

  mayList(call: Call): boolean {
    return this.#policy().allows({ action: 'service-list', from: this.#subject(call) });
  }

  /** Whoever calls, as it is now. What cannot be known of it fits no rule that asks for it. */
  #subject({ pid, uid, sid }: Call): Subject {
    const { gid, executable } = lookAt(pid);
    return { pid, uid, gid, executable, label: sid ?? '', device: this.#device };
  }
}

/** What /proc tells of a process; nothing where it is gone, or another user's. */
function lookAt(pid: number): Pick<Subject, 'gid' | 'executable'> {
  let gid = NOBODY;
  try {
    gid = Number(/^Gid:\s*\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NOBODY);
    return { gid, executable: readlinkSync(`/proc/${pid}/exe`) };
  } catch {
    return { gid, executable: null };
  }
}
