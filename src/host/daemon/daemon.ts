import { closeSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Driver } from '../../driver/driver.ts';
import type { Client } from '../../driver/ports.ts';
import type { Thread } from '../../driver/thread.ts';
import type { FileOwner } from '../binderfs/device.ts';
import { DeviceTable } from '../binderfs/device-table.ts';
import { BinderFs } from '../binderfs/filesystem.ts';
import { OpenDevice } from '../binderfs/open-device.ts';
import type { DeliveryMode } from '../binderfs/open-device-factory.ts';
import { FuseLoop, type Watch, watchReadable } from '../fuse/loop.ts';
import { FuseSession } from '../fuse/session.ts';
import { createArea } from '../linux/area.ts';
import { errorName, SystemCallError } from '../linux/libc.ts';
import { type FuseMount, findMount, mountFuse, unmount } from '../linux/mount.ts';
import { openProcess } from '../linux/process-watch.ts';
import { PROBE_INTERVAL, ThreadWatch } from '../linux/thread-watch.ts';
import { askDaemon, type ControlServer, listenControl } from './control-socket.ts';
import { Log } from './log.ts';
import { recoverStaleMount } from './stale-mount.ts';
import type { Status } from './status.ts';

/**
 * How long a daemon that was told to stop goes on answering, in milliseconds: clients whose reads end with ECONNREFUSED
 * can then close their devices in peace.
 */
const GRACE = 250;

/** What to serve, and how. */
export interface DaemonOptions {
  /** Absolute. */
  readonly mountPoint: string;
  /** Make the directory when it is missing. */
  readonly makeDirectory: boolean;
  readonly devices: readonly string[];
  readonly maxDevices: number;
  /** Microseconds to look for the next request before sleeping. */
  readonly spin: number;
  /** Permissions and owner of the devices. */
  readonly owner: FileOwner;
  /** The label told for clients of which the system has none. */
  readonly label: string;
  /** Deliver data in this way or fail; `undefined` takes the best that is allowed. */
  readonly forcedMode: DeliveryMode | undefined;
  /** Stop when this process has ended. */
  readonly untilExit: number | undefined;
}

/**
 * A daemon: a mount, the driver behind it, the loop that serves it, and a control socket. It stops by SIGTERM, SIGINT,
 * SIGHUP, by its control socket, and when somebody unmounts its directory.
 */
export class Daemon {
  /** Resolves when nothing is served any more and everything is cleared away. */
  readonly finished: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #driver: Driver;
  readonly #filesystem: BinderFs;
  readonly #session: FuseSession;
  readonly #loop: FuseLoop;
  readonly #threads: ThreadWatch<Thread>;
  readonly #startedAt = performance.now();
  readonly #watches: Watch[] = [];
  #control: ControlServer | null = null;
  #rounds: NodeJS.Timeout | null = null;
  #stop: () => void = () => {};

  private constructor(options: DaemonOptions, mount: FuseMount, log: (message: string) => void) {
    this.#options = options;
    this.#driver = new Driver({
      createArea,
      securityLabel: (client: Client) =>
        (client instanceof OpenDevice ? client.identity.label : null) ?? options.label,
      userError: log,
    });
    this.#threads = new ThreadWatch<Thread>();
    const devices = new DeviceTable(options.maxDevices, options.owner);
    for (const name of options.devices) {
      const device = devices.add(name);
      if (typeof device === 'number') {
        throw new Error(`Cannot add the device ${JSON.stringify(name)}: ${errorName(device)}`);
      }
    }
    const createFileSystem = (session: FuseSession): BinderFs =>
      new BinderFs({
        session,
        driver: this.#driver,
        devices,
        mount: mount.connection,
        threads: this.#threads,
        owner: { uid: options.owner.uid, gid: options.owner.gid },
        log,
      });
    let filesystem: BinderFs | undefined;
    this.#session = new FuseSession(
      mount.fd,
      (session) => {
        filesystem = createFileSystem(session);
        return filesystem;
      },
      {
        passthrough: options.forcedMode !== 'store',
        directIoMmap: true,
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
   * @throws Error whose message says what, why, and what to do.
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { mountPoint, forcedMode } = options;
    const status = (await askDaemon(mountPoint, 'status')) as Status | null;
    if (status)
      throw new Error(
        `Cannot serve ${mountPoint}: pid ${status.pid} does already; stop it by \`ubinder down\``,
      );
    const log = new Log().write;
    if (recoverStaleMount(mountPoint)) log(`cleared away what a killed daemon left at ${mountPoint}`);
    prepareDirectory(mountPoint, options.makeDirectory);
    const daemon = new Daemon(options, mount(mountPoint), log);
    try {
      await daemon.#filesystem.ready;
      const { mode } = daemon.#filesystem;
      if (forcedMode !== undefined && mode !== forcedMode) {
        throw new Error(
          `Cannot serve in mode ${forcedMode}: the kernel does not let us; without UBINDER_FORCE_MODE ${mode} is used`,
        );
      }
      daemon.#control = await listenControl(mountPoint, (command) => daemon.#handle(command));
    } catch (error) {
      daemon.stop();
      await daemon.finished;
      throw error;
    }
    return daemon;
  }

  /** Ends the service: clients' reads end with ECONNREFUSED, then the directory is unmounted. */
  stop(): void {
    this.#stop();
  }

  status(): Status {
    const { stats } = this.#driver;
    return {
      pid: process.pid,
      mountPoint: this.#options.mountPoint,
      mode: this.#filesystem.mode,
      devices: this.#filesystem.deviceNames,
      processes: stats.process.active,
      threads: stats.thread.active,
      sleeping: this.#filesystem.sleepingThreads,
      nodes: stats.node.active,
      refs: stats.ref.active,
      deaths: stats.death.active,
      transactions: stats.transaction.active,
      buffers: stats.buffer.active,
      descriptors: readdirSync('/proc/self/fd').length,
      uptime: (performance.now() - this.#startedAt) / 1000,
    };
  }

  async #serve(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#stop = resolve;
    });
    const onSignal = (): void => this.#stop();
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, onSignal);
    const { untilExit } = this.#options;
    if (untilExit !== undefined) this.#stopAfter(untilExit);
    this.#watches.push(watchReadable(this.#threads.fd, () => setImmediate(this.#lookAtThreads)));
    this.#rounds = setInterval(this.#lookAtThreads, PROBE_INTERVAL);
    this.#rounds.unref();
    const ended = this.#loop.run();
    try {
      await Promise.race([ended, stopped]);
      this.#filesystem.stop();
      unmount(this.#options.mountPoint);
      // With the last open device closed the session ends by itself.
      await Promise.race([ended, sleep(GRACE)]);
    } finally {
      this.#loop.stop();
      clearInterval(this.#rounds);
      for (const watch of this.#watches) watch.close();
      for (const signal of signals) process.off(signal, onSignal);
      this.#control?.close();
      this.#session.close();
      this.#threads[Symbol.dispose]();
    }
  }

  readonly #lookAtThreads = (): void => {
    this.#filesystem.threadsDied(this.#threads.poll());
  };

  #stopAfter(pid: number): void {
    const fd = openProcess(pid);
    const watch = watchReadable(fd, () => setImmediate(() => this.#stop()));
    this.#watches.push({
      close() {
        watch.close();
        closeSync(fd);
      },
    });
  }

  #handle(command: string): unknown {
    switch (command) {
      case 'status':
        return this.status();
      case 'stop':
        setImmediate(() => this.#stop());
        return null;
      default:
        throw new Error(`Cannot carry out ${JSON.stringify(command)}: known are status and stop`);
    }
  }
}

function prepareDirectory(directory: string, make: boolean): void {
  if (make) mkdirSync(directory, { recursive: true });
  // Anything mounted there is found by mounting; looking into it could wait for another daemon for ever.
  if (findMount(directory)) return;
  if (!existsSync(directory))
    throw new Error(`Cannot serve ${directory}: there is no such directory; make it first`);
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    throw new Error(`Cannot serve ${directory}: ${(error as Error).message}; name a directory`);
  }
  if (entries.length > 0)
    throw new Error(`Cannot serve ${directory}: it is not empty; name an empty directory`);
}

function mount(directory: string): FuseMount {
  try {
    return mountFuse({ directory, rootMode: 0o755 });
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    const advice: Record<string, string> = {
      EPERM: "mounting needs root, or a user namespace of one's own: see `ubinder run`",
      EACCES: 'this user may not open /dev/fuse',
      ENOENT: '/dev/fuse is missing: load the module fuse, or give the container the device',
    };
    const why = advice[error.code];
    throw new Error(
      `Cannot serve ${directory}: ${error.message}${why ? `; ${why}` : ''}; \`ubinder doctor\` tells more`,
    );
  }
}
