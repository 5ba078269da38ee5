import assert from 'node:assert/strict';
import { BINDER_WRITE_READ } from '../../src/abi/binder.ts';
import { LocalFiles, LocalProcess } from '../../src/binder/connections/local.ts';
import { INSTALLING, type Installed, type OpenFile, PARKED, RESTART } from '../../src/driver/ports.ts';
import type { Thread } from '../../src/driver/thread.ts';

/** Descriptors that take their time to be installed, as they do where the client is another process. */
export class LaterFiles extends LocalFiles {
  isLate = true;
  /** Threads for which an installation is under way. */
  readonly pending = new Map<Thread, readonly OpenFile[]>();

  override install(thread: Thread, files: readonly OpenFile[]): Installed {
    if (!this.isLate) return super.install(thread, files);
    assert.ok(!this.pending.has(thread), 'one installation in a thread at a time');
    this.pending.set(thread, files);
    return INSTALLING;
  }

  /** The installation for `thread` comes to an end: well, or with this errno. */
  complete(thread: Thread, errno = 0): void {
    const files = this.pending.get(thread);
    assert.ok(files, 'an installation is under way');
    this.pending.delete(thread);
    // Whoever was answered meanwhile gets nothing, but the host may not know yet.
    const outcome = errno || (thread.installing ? super.install(thread, files) : files.map(() => 0));
    thread.process.installed(thread, outcome);
  }
}

/** A process with {@link LaterFiles}, which makes an ioctl again where the driver asks for it. */
export class LaterProcess extends LocalProcess {
  readonly #arguments = new Map<number, DataView>();
  restarts = 0;

  declare readonly files: LaterFiles;

  override sleep(id: number, argument: DataView): Promise<number> {
    this.#arguments.set(id, argument);
    return super.sleep(id, argument);
  }

  override answer(thread: Thread, errno: number): void {
    if (errno !== RESTART) {
      super.answer(thread, errno);
      return;
    }
    this.restarts++;
    const argument = this.#arguments.get(thread.id);
    assert.ok(argument, 'a thread that starts again was asleep');
    thread.writeRead.store(argument, 0);
    // Not from within a call of the driver.
    queueMicrotask(() => {
      const { id, euid, nonBlocking } = thread;
      const caller = { thread: id, euid, request: 0, nonBlocking };
      const result = this.process.ioctl(caller, BINDER_WRITE_READ, argument, 0);
      if (result !== PARKED) super.answer(thread, result);
    });
  }
}
