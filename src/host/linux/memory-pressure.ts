import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { createArea } from './area.ts';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';

/** Where the kernel tells how long tasks wait for memory (CONFIG_PSI). */
const PRESSURE = '/proc/pressure/memory';

/**
 * What counts as pressure, in microseconds: some task waited for memory for a twentieth of two seconds. Who has no
 * CAP_SYS_RESOURCE may ask for windows of whole two seconds only.
 */
const TRIGGER = 'some 100000 2000000\0';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLPRI = 2;
/** struct epoll_event, packed or not. */
const EVENT_SIZE = 16;

const c = once(() => ({
  epollCreate: libc<(flags: number) => number>('int epoll_create1(int)'),
  epollControl: libc<(epoll: number, operation: number, fd: number, event: number) => number>(
    'int epoll_ctl(int, int, int, uint64_t)',
  ),
}));

/**
 * A descriptor that becomes readable when the system runs short of memory, at most once in two seconds. Looking at it
 * takes the news away: there is nothing to be read.
 *
 * The kernel tells by POLLPRI, which event loops do not wait for; an epoll set around it makes POLLIN of that.
 */
export class MemoryPressure implements Disposable {
  readonly fd: number;
  readonly #trigger: number;

  /** @throws Error (`code`) where the kernel has no PSI (ENOENT, EOPNOTSUPP), or not for us (EACCES, EPERM, EINVAL). */
  constructor(path: string = PRESSURE) {
    this.#trigger = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    let epoll = -1;
    try {
      writeSync(this.#trigger, TRIGGER);
      epoll = c().epollCreate(EPOLL_CLOEXEC);
      if (epoll === -1) throw new SystemCallError('epoll_create1', errno());
      using event = createArea(EVENT_SIZE);
      event.view.setUint32(0, EPOLLPRI, true);
      if (c().epollControl(epoll, EPOLL_CTL_ADD, this.#trigger, event.address) !== 0)
        throw new SystemCallError('epoll_ctl', errno(), path);
    } catch (error) {
      if (epoll !== -1) closeSync(epoll);
      closeSync(this.#trigger);
      throw error;
    }
    this.fd = epoll;
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    closeSync(this.#trigger);
  }
}
