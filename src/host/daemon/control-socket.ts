import { chmodSync, existsSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * The way to a daemon outside its mount: a socket on which one JSON object a line goes each way.
 *
 * ```
 *   -> {"version":1,"command":"status"}
 *   <- {"version":1,"ok":true,"result":{...}}
 *   <- {"version":1,"ok":false,"error":"..."}
 * ```
 *
 * Only the user who started the daemon, and root, can connect: the directory is theirs alone.
 */
export const CONTROL_VERSION = 1;

/** Longest line that is read from a client, in characters: requests are small, and memory must stay bounded. */
const MAX_LINE = 64 * 1024;

/** Where the daemon that serves `mountPoint` listens. */
export function controlPath(mountPoint: string): string {
  return `${controlDirectory()}/${resolve(mountPoint).slice(1).replaceAll('%', '%25').replaceAll('/', '%2f')}.sock`;
}

function controlDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0 && existsSync('/run') && !isInsideUserNamespace()) return '/run/ubinder-control';
  const runtime = process.env.XDG_RUNTIME_DIR;
  return runtime ? `${runtime}/ubinder-control` : `/tmp/ubinder-control-${uid}`;
}

/** Root of a user namespace cannot write where root can. */
function isInsideUserNamespace(): boolean {
  try {
    return statSync('/run').uid !== 0;
  } catch {
    return true;
  }
}

/** Carries out a request of the control socket. */
export type ControlHandler = (command: string) => unknown;

/** Listens on the control socket of `mountPoint`. */
export async function listenControl(mountPoint: string, handle: ControlHandler): Promise<ControlServer> {
  const path = controlPath(mountPoint);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const owner = statSync(dirname(path)).uid;
  if (owner !== (process.getuid?.() ?? 0)) {
    throw new Error(
      `Cannot listen on ${path}: its directory belongs to uid ${owner}; remove it or set XDG_RUNTIME_DIR`,
    );
  }
  // Nobody listens here: that was found out before, so this is what a killed daemon left.
  if (existsSync(path)) unlinkSync(path);
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
  return new ControlServer(server, sockets, path);
}

/** A listening control socket. */
export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  constructor(server: Server, sockets: Set<Socket>, path: string) {
    this.#server = server;
    this.#sockets = sockets;
    this.path = path;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.end();
  }
}

function serve(socket: Socket, handle: ControlHandler): void {
  let unread = 0;
  socket.on('data', (chunk: Buffer) => {
    const newline = chunk.lastIndexOf(0x0a);
    unread = newline === -1 ? unread + chunk.length : chunk.length - newline;
    if (unread > MAX_LINE) socket.destroy();
  });
  createInterface({ input: socket }).on('line', (line) => {
    let answer: object;
    try {
      const request = JSON.parse(line) as { version?: unknown; command?: unknown };
      if (request.version !== CONTROL_VERSION || typeof request.command !== 'string') {
        throw new Error(`Cannot read request: expected {"version":${CONTROL_VERSION},"command":"..."}`);
      }
      answer = { version: CONTROL_VERSION, ok: true, result: handle(request.command) ?? null };
    } catch (error) {
      answer = { version: CONTROL_VERSION, ok: false, error: (error as Error).message };
    }
    socket.write(`${JSON.stringify(answer)}\n`);
  });
}

/** How long a daemon may take to answer, in milliseconds: far more than its longest piece of work. */
const ANSWER_TIMEOUT = 5000;

/**
 * Asks the daemon that serves `mountPoint`.
 *
 * @returns what it answered, or `null` when no daemon listens there.
 * @throws Error with the daemon's words when it refused, and when it does not answer in time.
 */
export async function askDaemon(mountPoint: string, command: string): Promise<unknown> {
  const path = controlPath(mountPoint);
  if (!existsSync(path)) return null;
  return new Promise((done, fail) => {
    const socket = createConnection(path);
    const timer = setTimeout(() => {
      socket.destroy();
      fail(
        new Error(
          `The daemon of ${mountPoint} did not answer within ${ANSWER_TIMEOUT / 1000} s: it may be stuck`,
        ),
      );
    }, ANSWER_TIMEOUT);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') done(null);
      else fail(error);
    });
    socket.on('connect', () => socket.write(`${JSON.stringify({ version: CONTROL_VERSION, command })}\n`));
    createInterface({ input: socket }).once('line', (line) => {
      clearTimeout(timer);
      socket.end();
      const answer = JSON.parse(line) as { ok: boolean; result?: unknown; error?: string };
      if (answer.ok) done(answer.result);
      else fail(new Error(answer.error));
    });
  });
}
