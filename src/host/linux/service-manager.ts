import { closeSync } from 'node:fs';
import { libc } from './libc.ts';
import { once } from './once.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MAX_PATH = 107;

const c = once(() => ({
  socket: libc<(domain: number, type: number, protocol: number) => number>('int socket(int, int, int)'),
  sendto: libc<
    (fd: number, bytes: Buffer, size: number, flags: number, address: Buffer, length: number) => number
  >('int64_t sendto(int, void *, uint64_t, int, void *, uint32_t)'),
}));

/**
 * Tells systemd, or whoever else started this process and waits on `$NOTIFY_SOCKET`, how it is: sd_notify(3), a datagram
 * of lines such as `READY=1`. Nobody waiting is no error.
 */
export function notifyServiceManager(state: string): void {
  const path = process.env.NOTIFY_SOCKET;
  if (!path || Buffer.byteLength(path) > MAX_PATH) return;
  const fd = c().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return;
  // struct sockaddr_un; a path that begins with @ is an abstract name, which begins with NUL
  const address = Buffer.concat([Buffer.of(AF_UNIX, 0), Buffer.from(path.replace(/^@/, '\0'))]);
  const message = Buffer.from(state);
  c().sendto(fd, message, message.length, 0, address, address.length);
  closeSync(fd);
}
