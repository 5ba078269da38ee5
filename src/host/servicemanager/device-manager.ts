import { readFileSync, statfsSync } from 'node:fs';
import { basename } from 'node:path';
import { connect } from '../../binder/node/index.ts';
import { BinderError } from '../../binder/parcel/errors.ts';
import type { Connection } from '../../binder/runtime/index.ts';
import { type AndroidRelease, ServiceManager } from '../../binder/servicemanager/index.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicySource } from '../policy/policy-source.ts';
import type { DeclaredService } from './declared-services.ts';
import { ServicePolicy } from './service-policy.ts';
import { ServiceStarter } from './service-starter.ts';

/** `f_type` of FUSE file systems. */
const FUSE_SUPER_MAGIC = 0x6573_5546;

/** What the service manager of a device is to do. */
export interface DeviceManagerOptions {
  readonly android: AndroidRelease;
  readonly androidUids: boolean;
  /** Who may do what; `null` allows everybody everything. */
  readonly policy: PolicySource<Policy> | null;
  readonly declared: readonly DeclaredService[];
  readonly log: (message: string) => void;
}

/** The service manager of one device, in this process, with the programs that it has started. */
export class DeviceManager {
  /** Resolves when it is stopped, or the device is gone: what it has started is told to end. */
  readonly finished: Promise<void>;
  readonly #connection: Connection;

  private constructor(connection: Connection, starter: ServiceStarter) {
    this.#connection = connection;
    this.finished = new Promise((done) => {
      const end = (): void => {
        starter.stop();
        done();
      };
      if (connection.closed.aborted) end();
      else connection.closed.addEventListener('abort', end, { once: true });
    });
  }

  /**
   * Becomes the context manager of a device, which keeps the process alive until the device is gone.
   *
   * @throws Error that says why it cannot be.
   */
  static async start(device: string, options: DeviceManagerOptions): Promise<DeviceManager> {
    const { android, androidUids, policy, declared } = options;
    const log = (message: string): void => options.log(`${device}: ${message}`);
    const locator = `binder:${device}?android=${android}`;
    const starter = new ServiceStarter(declared, locator, log);
    const connection = await connect(locator);
    try {
      await ServiceManager.serve(connection, {
        androidUids,
        declared,
        log,
        requestSid: policy !== null && hasLabels(device),
        start: (name) => starter.start(name),
        ...(policy ? { access: new ServicePolicy(() => policy.current, basename(device)) } : {}),
      });
    } catch (error) {
      connection.close();
      throw explained(error, device);
    }
    return new DeviceManager(connection, starter);
  }

  stop(): void {
    this.#connection.close();
  }
}

function explained(error: unknown, device: string): unknown {
  const why: Partial<Record<string, string>> = {
    ALREADY_EXISTS: 'another process is',
    PERMISSION_DENIED:
      'this process may not be: the policy of the device forbids it, or it belongs to another user',
  };
  const known = error instanceof BinderError ? why[error.code] : undefined;
  return known ? new Error(`Cannot be the service manager of ${device}: ${known}`, { cause: error }) : error;
}

/** Whether a device tells labels: ours always does; a kernel only with a security module, and refuses calls without. */
function hasLabels(device: string): boolean {
  if (statfsSync(device).type === FUSE_SUPER_MAGIC) return true;
  try {
    return readFileSync('/proc/self/attr/current', 'utf8') !== '';
  } catch {
    return false;
  }
}
