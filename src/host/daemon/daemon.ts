import { closeSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Driver } from '../../driver/driver.ts';
import type { Limits } from '../../driver/limits.ts';
import type { Client, SecurityPolicy } from '../../driver/ports.ts';
import type { Thread } from '../../driver/thread.ts';
import { byteString, textOf } from '../binderfs/byte-string.ts';
import type { FileOwner } from '../binderfs/device.ts';
import { DeviceTable } from '../binderfs/device-table.ts';
import { BinderFs } from '../binderfs/filesystem.ts';
import { OpenDevice } from '../binderfs/open-device.ts';
import type { DeliveryMode } from '../binderfs/open-device-factory.ts';
import type { UserLimits } from '../binderfs/user-limits.ts';
import { FuseLoop, type Watch, watchReadable } from '../fuse/loop.ts';
import { Rescue } from '../fuse/rescue.ts';
import { ARENA_SIZE, FuseSession } from '../fuse/session.ts';
import type { FileLock } from '../linux/file-lock.ts';
import { errorName } from '../linux/libc.ts';
import type { FuseMount } from '../linux/mount.ts';
import { servesMount } from '../linux/own-mounts.ts';
import { SystemMemory } from '../linux/page-memory.ts';
import { openProcess } from '../linux/process-watch.ts';
import { PROBE_INTERVAL, ThreadWatch } from '../linux/thread-watch.ts';
import { PolicySource } from '../policy/policy-source.ts';
import { clientPolicy } from './client-policy.ts';
import { controlFiles } from './control-path.ts';
import { type ControlServer, ControlStream, listenControl } from './control-socket.ts';
import { Log } from './log.ts';
import { holder, lockMount } from './mount-lock.ts';
import { mountAt, prepareDirectory, unmountAt } from './mount-point.ts';
import { Reclaimer } from './reclaimer.ts';
import { checkFilter, Reports } from './reports.ts';
import { recoverStaleMount } from './stale-mount.ts';
import type { Status } from './status.ts';

/**
 * How long a daemon that was told to stop goes on answering, in milliseconds: clients whose reads end with ECONNREFUSED
 * can then close their devices in peace.
 */
const GRACE = 250;

/** How long the kernel may take to begin with a session, in milliseconds; it has asked before mount(2) returns. */
const INIT_TIMEOUT = 5000;

/** The signals that end a daemon as `ubinder down` does; so does SIGHUP where there is no policy to read again. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Why there is nothing to reclaim: in the page cache, and in the copy that the daemon needs of it, all stays. */
const noReclaim = (mode: DeliveryMode): string =>
  `in ${mode} mode the pages in which clients receive stay; \`ubinder doctor\` tells what passthrough takes`;

/** What to serve, and how. */
export interface DaemonOptions {
  /** Absolute. */
  readonly mountPoint: string;
  /** Make the directory when it is missing. */
  readonly makeDirectory: boolean;
  readonly devices: readonly string[];
  readonly maxDevices: number;
  /** Let everybody read the driver's logs in the mount. */
  readonly hasLogs: boolean;
  /** Microseconds to look for the next request before sleeping. */
  readonly spin: number;
  /** Permissions and owner of the devices. */
  readonly owner: FileOwner;
  /** The label told for clients of which the system has none. */
  readonly label: string;
  /** Scheduling policies travel with calls, as in Android's kernels, and not only nice values. */
  readonly androidScheduling: boolean;
  /** Limits of the driver that differ from its own. */
  readonly limits: Partial<Limits>;
  /** What each user may have. */
  readonly userLimits: UserLimits;
  /** Bytes of clients' mappings above which unused pages are given back; `undefined` leaves it to the daemon. */
  readonly pageBudget: number | undefined;
  /** A file of rules that say who may do what; `undefined` allows everybody everything. */
  readonly policy: string | undefined;
  /** Deliver data in this way or fail; `undefined` takes the best that is allowed. */
  readonly forcedMode: DeliveryMode | undefined;
  /** Stop when this process has ended. */
  readonly untilExit: number | undefined;
}

/** What a daemon is made of, all of it made before anything else looks at the mount. */
interface DaemonParts {
  readonly options: DaemonOptions;
  readonly devices: DeviceTable;
  readonly lock: FileLock;
  readonly mount: FuseMount;
  readonly policy: PolicySource<SecurityPolicy> | null;
  readonly stopRequest: StopRequest;
  readonly log: (message: string) => void;
}

/**
 * A daemon: a mount, the driver behind it, the loop that serves it, and a control socket. It stops by SIGTERM, SIGINT,
 * SIGHUP (unless it has a policy, which SIGHUP reads again), by its control socket, and when somebody unmounts its directory.
 */
export class Daemon {
  /** Resolves when nothing is served any more and everything is cleared away. */
  readonly finished: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #mount: FuseMount;
  readonly #served: Disposable;
  readonly #driver: Driver;
  readonly #reports: Reports;
  readonly #filesystem: BinderFs;
  readonly #session: FuseSession;
  readonly #loop: FuseLoop;
  readonly #rescue = new Rescue();
  readonly #threads = new ThreadWatch<Thread>();
  /** `null` until it is known how data gets to clients, and where pages cannot be given back. */
  #reclaimer: Reclaimer | null = null;
  readonly #startedAt = performance.now();
  readonly #lock: FileLock;
  readonly #stopRequest: StopRequest;
  readonly #log: (message: string) => void;
  #control: ControlServer | null = null;
  #isOver = false;

  private constructor({ options, devices, lock, mount, policy, stopRequest, log }: DaemonParts) {
    this.#options = options;
    this.#lock = lock;
    this.#mount = mount;
    this.#served = servesMount(mount.connection);
    this.#stopRequest = stopRequest;
    this.#log = log;
    let filesystem: BinderFs | undefined;
    this.#driver = new Driver(
      {
        memory: new SystemMemory(),
        now: () => this.#session.now,
        startTimer(milliseconds, callback) {
          const timer = setTimeout(() => {
            callback();
            filesystem?.notifyPollers();
          }, milliseconds);
          return { cancel: () => clearTimeout(timer) };
        },
        securityLabel: (client: Client) =>
          client instanceof OpenDevice ? client.subject.label : options.label,
        androidScheduling: options.androidScheduling,
        get policy() {
          return policy?.current ?? null;
        },
        userError: log,
      },
      options.limits,
    );
    this.#reports = new Reports(this.#driver);
    const createFileSystem = (session: FuseSession): BinderFs =>
      new BinderFs({
        session,
        driver: this.#driver,
        devices,
        mount: mount.connection,
        threads: this.#threads,
        hasLogs: options.hasLogs,
        forcedMode: options.forcedMode,
        pages: this.#rescue.pages,
        owner: { uid: options.owner.uid, gid: options.owner.gid },
        label: options.label,
        userLimits: options.userLimits,
        log,
      });
    this.#session = new FuseSession(
      mount.fd,
      (session) => {
        filesystem = createFileSystem(session);
        return filesystem;
      },
      {
        passthrough: (options.forcedMode ?? 'passthrough') === 'passthrough',
        directIoMmap: true,
        gate: this.#rescue.gate,
        onHandlerError: (error, opcode) => log(`cannot carry out ${opcode}: ${(error as Error).stack}`),
      },
    );
    this.#filesystem = filesystem as BinderFs;
    this.#loop = new FuseLoop(this.#session, { spin: options.spin });
    this.finished = this.#serve();
  }

  /**
   * Begins to serve. When it resolves clients can open the devices.
   *
   * @throws Error whose message says what, why, and what to do. Nothing is left behind then.
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { mountPoint } = options;
    const devices = createDevices(options);
    const lock = lockMount(mountPoint);
    if (!lock) {
      const pid = holder(mountPoint) ?? 'another process';
      throw new Error(`Cannot serve ${mountPoint}: pid ${pid} does already; stop it by \`ubinder down\``);
    }
    const logger = new Log();
    const log = logger.write;
    let stopRequest: StopRequest | undefined;
    let daemon: Daemon;
    try {
      const policy =
        options.policy === undefined ? null : new PolicySource(options.policy, clientPolicy, logger);
      stopRequest = new StopRequest(options.untilExit, policy && (() => policy.reload()));
      if (await recoverStaleMount(mountPoint)) log(`cleared away what a killed daemon left at ${mountPoint}`);
      prepareDirectory(mountPoint, options.makeDirectory);
      daemon = await Daemon.#mounted({
        options,
        devices,
        lock,
        mount: await mountAt(mountPoint, (options.owner.mode & 0o077) !== 0),
        policy,
        stopRequest,
        log,
      });
    } catch (error) {
      stopRequest?.close();
      lock.release();
      throw error;
    }
    await daemon.#begin();
    return daemon;
  }

  /** A daemon for what is mounted, or no mount. */
  static async #mounted(parts: DaemonParts): Promise<Daemon> {
    try {
      return new Daemon(parts);
    } catch (error) {
      closeSync(parts.mount.fd);
      await unmountAt(parts.mount);
      throw error;
    }
  }

  /** Ends the service: clients' reads end with ECONNREFUSED, then the directory is unmounted. */
  stop(): void {
    this.#stopRequest.make();
  }

  /** Resolves when it was told to stop, by whomever. */
  get stopping(): Promise<void> {
    return this.#stopRequest.made;
  }

  /** The mount's, as in `FuseMount.connection`. */
  get connection(): number {
    return this.#mount.connection;
  }

  status(): Status {
    const { stats } = this.#driver;
    return {
      pid: process.pid,
      mountPoint: this.#options.mountPoint,
      mode: this.#filesystem.mode,
      devices: this.#filesystem.deviceNames.map(textOf),
      processes: stats.process.active,
      threads: stats.thread.active,
      sleeping: this.#filesystem.sleepingThreads,
      nodes: stats.node.active,
      refs: stats.ref.active,
      deaths: stats.death.active,
      transactions: stats.transaction.active,
      buffers: stats.buffer.active,
      pages: this.#reclaimer?.figures() ?? null,
      descriptors: readdirSync('/proc/self/fd').length,
      reportListeners: this.#reports.listeners,
      uptime: (performance.now() - this.#startedAt) / 1000,
    };
  }

  /** Waits until clients can open the devices, and listens on the control socket. */
  async #begin(): Promise<void> {
    const { mountPoint, forcedMode } = this.#options;
    const stopped = this.finished.then(() => {
      throw new Error(`Cannot serve ${mountPoint}: told to stop before it was ready`);
    });
    const late = sleep(INIT_TIMEOUT, undefined, { ref: false }).then(() => {
      throw new Error(
        `Cannot serve ${mountPoint}: the kernel and ubinder did not agree on how; \`ubinder doctor\` tells more`,
      );
    });
    try {
      await Promise.race([this.#filesystem.ready, stopped, late]);
      const { mode } = this.#filesystem;
      if (forcedMode !== undefined && mode !== forcedMode) {
        throw new Error(
          `Cannot serve in mode ${forcedMode}: the kernel does not let us; without UBINDER_FORCE_MODE ${mode} is used`,
        );
      }
      this.#startReclaimer();
      await this.#rescue.start(
        { fd: this.#mount.fd, bufferSize: ARENA_SIZE },
        this.#mount.connection,
        (error) => this.#log(`the rescue thread ended: ${error.message}`),
      );
      const { socket } = controlFiles(mountPoint);
      const control = await listenControl(socket, (command, request) => this.#handle(command, request));
      if (this.#isOver) control.close();
      else this.#control = control;
      if (this.#isOver) await stopped;
    } catch (error) {
      this.stop();
      await this.finished.catch(() => {});
      throw error;
    } finally {
      // Later they are no news
      stopped.catch(() => {});
      late.catch(() => {});
    }
  }

  #startReclaimer(): void {
    const { pageBudget: budget } = this.#options;
    const { mode } = this.#filesystem;
    if (mode !== 'passthrough') {
      if (budget !== undefined) this.#log(`--page-budget has no effect: ${noReclaim(mode)}`);
      return;
    }
    const { shrinker } = this.#driver;
    const opens = () => this.#filesystem.opens;
    if (!this.#isOver) this.#reclaimer = new Reclaimer({ shrinker, opens, budget, log: this.#log });
  }

  async #serve(): Promise<void> {
    const threads = watchReadable(this.#threads.fd, () => setImmediate(this.#lookAtThreads));
    const rounds = setInterval(this.#lookAtThreads, PROBE_INTERVAL).unref();
    const ended = this.#loop.run();
    try {
      await Promise.race([ended, this.#stopRequest.made]);
      this.#filesystem.stop();
      await this.#unmount();
      // With the last open device closed the session ends by itself
      await Promise.race([ended, sleep(GRACE, undefined, { ref: false })]);
    } finally {
      this.#isOver = true;
      this.#loop.stop();
      clearInterval(rounds);
      threads.close();
      this.#reclaimer?.close();
      this.#threads[Symbol.dispose]();
      await this.#unmount();
      this.#filesystem.close();
      await this.#rescue.stop();
      this.#session.close();
      this.#control?.close();
      this.#served[Symbol.dispose]();
      this.#lock.release();
      // Whoever said `stop` sees the end now, and may start anew
      this.#control?.hangUp();
      this.#stopRequest.close();
    }
  }

  async #unmount(): Promise<void> {
    try {
      await unmountAt(this.#mount);
    } catch (error) {
      this.#log(`cannot unmount ${this.#mount.directory}: ${(error as Error).message}`);
    }
  }

  readonly #lookAtThreads = (): void => {
    if (this.#isOver) return;
    try {
      this.#filesystem.threadsDied(this.#threads.poll());
    } catch (error) {
      this.#log(`cannot look after threads: ${(error as Error).stack}`);
    }
  };

  #handle(command: string, { filter = {} }: Readonly<Record<string, unknown>>): unknown {
    switch (command) {
      case 'status':
        return this.status();
      case 'reports': {
        const wanted = checkFilter(filter);
        return new ControlStream((send) => this.#reports.listen(wanted, send));
      }
      case 'shrink':
        if (!this.#reclaimer) throw new Error(`Cannot give pages back: ${noReclaim(this.#filesystem.mode)}`);
        return this.#reclaimer.shrink();
      case 'stop':
        setImmediate(() => this.stop());
        return null;
      default:
        throw new Error(
          `Cannot carry out ${JSON.stringify(command)}: known are status, reports, shrink and stop`,
        );
    }
  }
}

/** Whether somebody wants the daemon to stop: by a signal, by the end of a process, or by {@link make}. */
class StopRequest {
  readonly made: Promise<void>;
  make: () => void = () => {};
  readonly #parent: number | null;
  readonly #watch: Watch | null = null;

  /**
   * @param untilExit the process whose end is a request.
   * @param onHangUp what SIGHUP does instead of stopping; `null` when it stops.
   * @throws Error when there is no such process.
   */
  constructor(untilExit: number | undefined, onHangUp: (() => void) | null) {
    this.made = new Promise((resolve) => {
      this.make = resolve;
    });
    this.#parent = untilExit === undefined ? null : openParent(untilExit);
    if (this.#parent !== null) this.#watch = watchReadable(this.#parent, () => setImmediate(this.make));
    for (const signal of STOP_SIGNALS) process.on(signal, this.make);
    process.on('SIGHUP', onHangUp ?? this.make);
  }

  /** Signals stay taken: another that comes while the process ends must not make it look like killed. */
  close(): void {
    this.#watch?.close();
    if (this.#parent !== null) closeSync(this.#parent);
  }
}

function openParent(pid: number): number {
  try {
    return openProcess(pid);
  } catch (error) {
    throw new Error(`Cannot serve until process ${pid} ends: ${(error as Error).message}`);
  }
}

function createDevices(options: DaemonOptions): DeviceTable {
  const { devices: names, maxDevices, userLimits, hasLogs, owner } = options;
  const devices = new DeviceTable(maxDevices, userLimits.devices, owner, hasLogs);
  for (const name of names) {
    const device = devices.add(byteString(name), null);
    if (typeof device === 'number')
      throw new Error(`Cannot add the device ${JSON.stringify(name)}: ${errorName(device)}`);
  }
  return devices;
}
