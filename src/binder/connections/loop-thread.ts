import { BINDER_WRITE_READ } from '../../abi/binder.ts';
import { EINTR } from '../../abi/errno.ts';
import type { DeviceFile } from '../../host/linux/device-file.ts';
import type { Commands, LoopThread, ThreadEvents } from '../runtime/seam.ts';
import { ThreadMemory } from './thread-memory.ts';
import { READ_SIZE } from './thread-worker-data.ts';

/** The event loop's own OS thread as a Binder thread of a device: it sleeps in its ioctls, and nothing else runs meanwhile. */
export class DeviceLoopThread implements LoopThread {
  readonly #memory = new ThreadMemory();
  readonly #device: DeviceFile;
  readonly #events: ThreadEvents;

  constructor(device: DeviceFile, events: ThreadEvents) {
    this.#device = device;
    this.#events = events;
  }

  write(commands: Commands): void {
    this.#memory.write(commands);
  }

  park(): boolean {
    this.#memory.prepare(READ_SIZE);
    return false;
  }

  step(): void {
    const errno = this.#device.ioctlAt(BINDER_WRITE_READ, this.#memory.address);
    const length = this.#memory.finish();
    if (errno === 0 || errno === EINTR) this.#events.returned(this.#memory.buffer, length);
    else this.#events.failed(errno);
  }

  /** The OS thread goes on, and with it what it is to the driver, until the device is closed. */
  exit(): void {
    this.#memory.release();
  }
}
