import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { controlFiles } from './control-path.ts';
import type { FromDaemon, ToDaemon } from './supervised.ts';

/*
 * A daemon is looked after by the process that started it, its supervisor, over an IPC channel:
 *
 *   supervisor                                daemon
 *      │── starts ────────────────────────────▶ │
 *      │ ◀──────────────────── ready, connection │
 *      │── ping, every 2 s from then on ──────▶ │
 *      │ ◀──────────────────────────────── pong │
 *      │── closes the channel ────────────────▶ │ stops, as by SIGTERM
 *
 * Code 0 is a clean end, and the supervisor's own. After any other end the daemon is started anew. One that does not
 * answer is killed: first its FUSE connection is aborted, which frees all clients, and the daemon itself where it waits
 * for its own mount. One that waits for somebody else's even SIGKILL does not end before that answers: it is left
 * behind, with its lock, and the next one makes a new lock.
 */

/** Milliseconds, for tests to shorten. */
export interface SupervisorTimes {
  /** Between two pings. */
  readonly ping: number;
  /** That a daemon may take to become ready: far more than the slowest machine needs to load it. */
  readonly start: number;
}

const TIMES: SupervisorTimes = { ping: 2000, start: 120_000 };

/** Pings in a row without an answer after which a daemon counts as hanging. */
const MAX_MISSES = 5;

/** Milliseconds that a daemon may take for a clean stop. */
const STOP_LIMIT = 5000;

/** Milliseconds in which a killed process is gone, if it can be killed at all. */
const KILL_LIMIT = 2000;

/** A daemon that ends more often than this in {@link RESTART_WINDOW} milliseconds is not started again. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW = 60_000;

/** What to start, and whom to tell. */
export interface SupervisorOptions {
  /** The daemon's program, and its arguments. */
  readonly program: string;
  readonly args: readonly string[];
  readonly mountPoint: string;
  /** A daemon is ready for clients, the first one and each after it. */
  readonly onReady: (pid: number, restarts: number) => void;
  /** A daemon is gone, and another is about to be started. */
  readonly onGone: () => void;
  readonly log: (message: string) => void;
  readonly times?: SupervisorTimes;
}

/** How one daemon ended. */
interface Ended {
  readonly wasReady: boolean;
  /** `null` for one that was killed, or could not be. */
  readonly code: number | null;
  readonly how: string;
}

/** Keeps a daemon running at a mount point. */
export class Supervisor {
  /** The exit code of the last daemon: 0 after a clean stop. */
  readonly finished: Promise<number>;
  readonly #options: SupervisorOptions;
  #daemon: SupervisedDaemon | null = null;
  #isStopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.finished = this.#run();
  }

  /** Ends the service; see {@link finished}. */
  stop(): void {
    this.#isStopping = true;
    this.#daemon?.stop();
  }

  /** Passes a signal on. */
  signal(signal: NodeJS.Signals): void {
    this.#daemon?.signal(signal);
  }

  async #run(): Promise<number> {
    const { log, mountPoint } = this.#options;
    const restarts: number[] = [];
    for (let count = 0; ; count++) {
      this.#daemon = new SupervisedDaemon(this.#options, count);
      const { wasReady, code, how } = await this.#daemon.ended;
      if (code === 0 || this.#isStopping) return code ?? 1;
      if (!wasReady && count === 0) {
        // One that ended by itself has said why
        if (code === null) log(`the daemon of ${mountPoint} ${how}`);
        return code ?? 1;
      }
      const now = performance.now();
      restarts.push(now);
      if (restarts.filter((time) => now - time < RESTART_WINDOW).length > MAX_RESTARTS) {
        log(`the daemon of ${mountPoint} ${how}, and did so ${MAX_RESTARTS} times in a minute: giving up`);
        return code ?? 1;
      }
      log(`the daemon of ${mountPoint} ${how}; starting another, clients must open their devices again`);
      this.#options.onGone();
    }
  }
}

/** One daemon, from its start to its end. */
class SupervisedDaemon {
  readonly ended: Promise<Ended>;
  readonly #options: SupervisorOptions;
  readonly #child: ChildProcess;
  readonly #times: SupervisorTimes;
  readonly #start: NodeJS.Timeout;
  #pings: NodeJS.Timeout | undefined;
  #connection: number | null = null;
  #misses = 0;
  #pingedAt = performance.now();
  #reason: string | null = null;
  #giveUp: (ended: Ended) => void = () => {};

  constructor(options: SupervisorOptions, restarts: number) {
    this.#options = options;
    const { program, args, times = TIMES } = options;
    this.#times = times;
    // In a process group of its own: what a terminal sends reaches us alone
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], detached: true });
    this.#child = child;
    child.on('message', (message: FromDaemon) => {
      this.#misses = 0;
      if (message.type !== 'ready') return;
      this.#connection = message.connection;
      // While it starts it cannot answer, and how long that takes is the machine's affair
      clearTimeout(this.#start);
      this.#pingedAt = performance.now();
      this.#pings = setInterval(() => this.#ping(), times.ping);
      options.onReady(child.pid as number, restarts);
    });
    const late = `was not ready after ${times.start / 1000} s`;
    this.#start = setTimeout(() => void this.#kill(late), times.start);
    this.ended = new Promise((done, fail) => {
      this.#giveUp = done;
      child.once('error', (error) => (child.pid === undefined ? fail(error) : undefined));
      child.once('exit', (code, signal) => {
        const how = this.#reason ?? (signal ? `was killed by ${signal}` : `ended with code ${code}`);
        done({ wasReady: this.#connection !== null, code: this.#reason ? null : code, how });
      });
    });
    void this.ended
      .catch(() => {})
      .then(() => {
        clearTimeout(this.#start);
        clearInterval(this.#pings);
      });
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
    setTimeout(() => void this.#kill('did not stop'), STOP_LIMIT).unref();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #ping(): void {
    const now = performance.now();
    // Whoever was asleep itself, as the whole machine is in a suspend, proves nothing
    const wasLate = now - this.#pingedAt > 2 * this.#times.ping;
    this.#pingedAt = now;
    if (wasLate) this.#misses = 0;
    else if (this.#misses >= MAX_MISSES) return void this.#kill('did not answer');
    if (!this.#child.connected) return;
    this.#misses++;
    this.#child.send({ type: 'ping' } satisfies ToDaemon, () => {});
  }

  async #kill(reason: string): Promise<void> {
    const child = this.#child;
    if (this.#reason !== null || child.exitCode !== null || child.signalCode !== null) return;
    this.#reason = `${reason} and was killed`;
    clearInterval(this.#pings);
    if (this.#connection !== null) {
      const { abortConnection } = await import('../fuse/connections.ts');
      try {
        abortConnection(this.#connection);
      } catch (error) {
        // Killing it closes the connection as well, if it can be killed
        this.#options.log(`cannot abort the connection: ${(error as Error).message}`);
      }
    }
    child.kill('SIGKILL');
    setTimeout(() => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      rmSync(controlFiles(this.#options.mountPoint).lock, { force: true });
      child.unref();
      child.channel?.unref();
      this.#giveUp({
        wasReady: true,
        code: null,
        how: `${reason}, cannot be killed, and is left behind (pid ${child.pid})`,
      });
    }, KILL_LIMIT);
  }
}
