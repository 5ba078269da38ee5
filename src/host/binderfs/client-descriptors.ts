import { EMFILE, EPERM } from '../../abi/errno.ts';
import { type ClientFiles, INSTALLING, type Installed, type OpenFile } from '../../driver/ports.ts';
import type { Thread } from '../../driver/thread.ts';
import { type TakenFile, takeFile } from '../linux/open-file.ts';
import type { ThreadWatch } from '../linux/thread-watch.ts';
import type { Installations } from './installations.ts';
import { FIRST_LOGICAL, type LogicalThreads } from './logical-threads.ts';

/** The descriptors of one client: of whichever process its threads are in. */
export class ClientDescriptors implements ClientFiles {
  /** A 32-bit program made ioctls here: nothing can be done in its place. */
  isCompat = false;
  /** Threads in whose place nothing can be done: their descriptors go through a socket. */
  logical: LogicalThreads | null = null;
  readonly #installations: Installations;
  readonly #threads: ThreadWatch<Thread>;
  readonly #mayTake: () => boolean;

  /** @param mayTake whether there are descriptors left for another open file on its way */
  constructor(installations: Installations, threads: ThreadWatch<Thread>, mayTake: () => boolean) {
    this.#installations = installations;
    this.#threads = threads;
    this.#mayTake = mayTake;
  }

  take(thread: number, fd: number): OpenFile | number {
    if (!this.#mayTake()) return EMFILE;
    const osThread = this.logical?.osThread(thread) ?? thread;
    return takeFile(osThread, fd, this.#threads.pidfd(osThread));
  }

  install(thread: Thread, files: readonly OpenFile[]): Installed | typeof INSTALLING {
    if (this.logical && thread.id >= FIRST_LOGICAL) return this.logical.install(files as TakenFile[]);
    if (this.isCompat) return EPERM;
    this.#installations.install(thread, files as readonly TakenFile[]);
    return INSTALLING;
  }

  close(thread: Thread, fds: readonly number[]): void {
    if (this.logical && thread.id >= FIRST_LOGICAL) this.logical.closeFiles(fds);
    else this.#installations.close(thread, fds);
  }
}
