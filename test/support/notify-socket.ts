import { closeSync } from 'node:fs';
import { errno, errorName, libc } from '../../src/host/linux/libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT = 0x40;

const socket = libc<(domain: number, type: number, protocol: number) => number>('int socket(int, int, int)');
const bind = libc<(fd: number, address: Buffer, length: number) => number>('int bind(int, void *, uint32_t)');
const recv = libc<(fd: number, bytes: Buffer, size: number, flags: number) => number>(
  'int64_t recv(int, void *, uint64_t, int)',
);

/** The socket on which a service manager hears of its services: `$NOTIFY_SOCKET`. */
export class NotifySocket implements Disposable {
  readonly #fd: number;
  readonly #messages: string[] = [];

  /** @param path of the socket; one that begins with `@` has a name but no file. */
  constructor(path: string) {
    this.#fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    const address = Buffer.concat([Buffer.of(AF_UNIX, 0), Buffer.from(path.replace(/^@/, '\0'))]);
    if (bind(this.#fd, address, address.length) !== 0) throw new Error(`bind ${path}: ${errorName(errno())}`);
  }

  /** What came until now, one datagram each. */
  get messages(): readonly string[] {
    const bytes = Buffer.alloc(4096);
    for (;;) {
      const length = Number(recv(this.#fd, bytes, bytes.length, MSG_DONTWAIT));
      if (length < 0) return this.#messages;
      this.#messages.push(bytes.toString('utf8', 0, length));
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
