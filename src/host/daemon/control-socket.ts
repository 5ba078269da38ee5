import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { controlFiles } from './control-path.ts';
import { holder } from './mount-lock.ts';

/**
 * The way to a daemon outside its mount: a socket on which one JSON object a line goes each way.
 *
 * ```
 *   -> {"version":1,"command":"status"}
 *   <- {"version":1,"ok":true,"result":{...}}
 *   <- {"version":1,"ok":false,"error":"..."}
 * ```
 *
 * To `reports` the answer is followed by a line for each report; `{"lost":N}` among them tells of so many that were not
 * read in time. After `stop` the daemon keeps the connection until everything is cleared away, and then closes it.
 *
 * Only the user who started the daemon, and root, can connect: the directory is theirs alone.
 */
export const CONTROL_VERSION = 1;

/** Longest line that is read, in characters: requests are small, and memory must stay bounded. */
const MAX_LINE = 64 * 1024;

/** Bytes of answers that a client may leave unread. */
const MAX_UNREAD = 1024 * 1024;

/** How long a daemon may take to answer, in milliseconds: far more than its longest piece of work. */
const ANSWER_TIMEOUT = 5000;

/** How long a daemon may take to stop, in milliseconds: it unmounts, and lets clients close their devices. */
const STOP_TIMEOUT = 10_000;

/** Carries out a request of the control socket. */
export type ControlHandler = (command: string, request: Readonly<Record<string, unknown>>) => unknown;

/** A result that goes on: `start` is given where to send things, and returns how to end it. */
export class ControlStream {
  readonly start: (send: (thing: object) => void) => () => void;

  constructor(start: (send: (thing: object) => void) => () => void) {
    this.start = start;
  }
}

/** Sends lines to a peer that may be slow: what it does not take in time it loses, and hears how much that was. */
export class LossySender {
  readonly #socket: Socket;
  #lost = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('drain', () => this.#tell());
  }

  send(thing: object): void {
    if (this.#socket.writableLength > MAX_UNREAD / 2) {
      this.#lost++;
      return;
    }
    this.#tell();
    this.#write(thing);
  }

  #tell(): void {
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#write({ lost });
  }

  #write(thing: object): void {
    this.#socket.write(`${JSON.stringify(thing)}\n`);
  }
}

/** Listens at `path`, where nobody else does: who calls this holds the lock that goes with it. */
export async function listenControl(path: string, handle: ControlHandler): Promise<ControlServer> {
  // What a killed daemon left
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    serve(socket, handle);
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail).listen(path, done);
  });
  chmodSync(path, 0o600);
  return new ControlServer(server, sockets);
}

/** A listening control socket. */
export class ControlServer {
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Takes the socket away; connections stay. */
  close(): void {
    this.#server.close();
  }

  /** Ends the connections, which tells those who said `stop` that it is done. None can keep the daemon alive. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroySoon();
  }
}

function serve(socket: Socket, handle: ControlHandler): void {
  onLine(socket, async (line) => {
    let answer: object;
    let stream: ControlStream | null = null;
    try {
      const request = JSON.parse(line) as Record<string, unknown> | null;
      if (request?.version !== CONTROL_VERSION || typeof request.command !== 'string') {
        throw new Error(`Cannot read request: expected {"version":${CONTROL_VERSION},"command":"..."}`);
      }
      const handled = handle(request.command, request);
      // Who asks one thing after the other is answered in this order: most answers are there at once.
      const result = (handled instanceof Promise ? await handled : handled) ?? null;
      if (result instanceof ControlStream) stream = result;
      answer = { version: CONTROL_VERSION, ok: true, result: stream ? null : result };
    } catch (error) {
      answer = { version: CONTROL_VERSION, ok: false, error: (error as Error).message };
    }
    socket.write(`${JSON.stringify(answer)}\n`);
    if (socket.writableLength > MAX_UNREAD) socket.destroy();
    if (!stream || socket.destroyed) return;
    const sender = new LossySender(socket);
    socket.once(
      'close',
      stream.start((thing) => sender.send(thing)),
    );
  });
}

/** Calls back with each line that arrives. A peer that sends too long a one is cut off. */
function onLine(socket: Socket, callback: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (!socket.destroyed) callback(line);
    if (rest.length > MAX_LINE) socket.destroy();
  });
}

/**
 * Asks the daemon that serves `mountPoint`.
 *
 * @returns what it answered, or `null` when no daemon listens there.
 * @throws Error with the daemon's words when it refused, and when it does not answer in time.
 */
export async function askDaemon(mountPoint: string, command: string): Promise<unknown> {
  const connection = await connect(mountPoint);
  if (!connection) return null;
  try {
    return await connection.ask(command);
  } finally {
    connection.close();
  }
}

/**
 * Tells the daemon that serves `mountPoint` to stop, and waits until it has cleared everything away.
 *
 * @returns false when no daemon listens there.
 * @throws Error when it does not stop in time.
 */
export async function stopDaemon(mountPoint: string): Promise<boolean> {
  const connection = await connect(mountPoint);
  if (!connection) return false;
  try {
    await connection.ask('stop');
    await connection.ended;
    return true;
  } finally {
    connection.close();
  }
}

/**
 * Asks the daemon that serves `mountPoint` for things that go on, and writes them to `out` as they come, a line each.
 *
 * @returns after the daemon has ended; false when no daemon listens there.
 * @throws Error with the daemon's words when it refused.
 */
export async function streamFromDaemon(mountPoint: string, request: object, out: Writable): Promise<boolean> {
  const connection = await connect(mountPoint);
  if (!connection) return false;
  await connection.stream(request, out);
  return true;
}

async function connect(mountPoint: string): Promise<Connection | null> {
  const socket = createConnection(controlFiles(mountPoint).socket);
  return new Promise((done, fail) => {
    socket.once('connect', () => done(new Connection(socket, mountPoint)));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') done(null);
      else fail(new Error(`Cannot reach the daemon of ${mountPoint}: ${error.message}`));
    });
  });
}

/** A connection to a daemon. */
class Connection {
  readonly #socket: Socket;
  readonly #mountPoint: string;
  #answered: (line: string | null) => void = () => {};
  readonly #closed: Promise<void>;

  constructor(socket: Socket, mountPoint: string) {
    this.#socket = socket;
    this.#mountPoint = mountPoint;
    this.#closed = new Promise((done) => {
      socket.on('error', () => socket.destroy()).once('close', () => done());
    });
    onLine(socket, (line) => this.#answered(line));
    void this.#closed.then(() => this.#answered(null));
  }

  /** What the daemon answers; `null`, too, when it ends instead. */
  async ask(command: string): Promise<unknown> {
    const answer = new Promise<string | null>((done) => {
      this.#answered = done;
    });
    this.#socket.write(`${JSON.stringify({ version: CONTROL_VERSION, command })}\n`);
    const line = await this.#inTime(answer, ANSWER_TIMEOUT, 'did not answer');
    if (line === null) return null;
    const { ok, result, error } = JSON.parse(line) as { ok: boolean; result?: unknown; error?: string };
    if (ok) return result;
    throw new Error(error);
  }

  /** What follows the answer goes to `out`, no faster than that takes it. */
  stream(request: object, out: Writable): Promise<void> {
    const socket = this.#socket;
    return new Promise((done, fail) => {
      this.#answered = (line) => {
        if (line === null) return done();
        const { ok, error, version } = JSON.parse(line) as { ok?: boolean; error?: string; version?: number };
        if (version === undefined) {
          if (out.write(`${line}\n`)) return;
          socket.pause();
          out.once('drain', () => socket.resume());
        } else if (!ok) fail(new Error(error));
      };
      socket.write(`${JSON.stringify({ version: CONTROL_VERSION, ...request })}\n`);
    });
  }

  /** The daemon has closed the connection. */
  get ended(): Promise<void> {
    return this.#inTime(this.#closed, STOP_TIMEOUT, 'was told to stop and did not end');
  }

  close(): void {
    this.#socket.destroy();
  }

  async #inTime<T>(promise: Promise<T>, timeout: number, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => {
        fail(
          new Error(
            `The daemon of ${this.#mountPoint} (pid ${holder(this.#mountPoint) ?? 'unknown'}) ${what} within ${timeout / 1000} s: it may hang; \`kill -9\` it, then \`ubinder down\` clears away what is left`,
          ),
        );
      }, timeout);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
