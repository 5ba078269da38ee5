import { EINTR } from '../../abi/errno.ts';
import { type Area, RESTART } from '../../driver/ports.ts';
import type { Thread } from '../../driver/thread.ts';
import {
  ERESTARTNOINTR,
  type Injected,
  type InjectionListener,
  type Injector,
  type Outcome,
} from '../linux/injector.ts';
import type { TakenFile } from '../linux/open-file.ts';

/** Bytes of struct binder_write_read, the argument of the ioctls in which this happens. */
const ARGUMENT_SIZE = 48;

/** What a mount does for its installations. */
export interface InstallationsOwner {
  /** The bytes of the answer to `request`: the ioctl's result and its argument. */
  answerBytes(request: number, result: number, argument: Uint8Array): Uint8Array;
  /** Answers an ioctl of `thread` that was not answered yet. */
  answerNow(thread: Thread, errno: number): void;
  /** Makes the ioctl of `thread`, which was not answered yet, once more. */
  makeAgain(thread: Thread): void;
  /** The thread does not sleep in its ioctl any more. */
  wakes(thread: Thread): void;
  /** The driver was called, and may have something for others. */
  settle(): void;
}

/** Descriptors being installed or closed in the place of threads of clients, by the ioctl in which each is. */
export class Installations {
  readonly #injector: Injector;
  readonly #owner: InstallationsOwner;
  readonly #byRequest = new Map<number, Installation>();

  constructor(injector: Injector, owner: InstallationsOwner) {
    this.#injector = injector;
    this.#owner = owner;
  }

  /** Ioctls that are not answered in the ordinary way. */
  get size(): number {
    return this.#byRequest.size;
  }

  has(request: number): boolean {
    return this.#byRequest.has(request);
  }

  install(thread: Thread, files: readonly TakenFile[]): void {
    this.#owner.wakes(thread);
    this.#of(thread).install(files);
  }

  /** To be closed before the thread's ioctl returns. */
  close(thread: Thread, fds: readonly number[]): void {
    this.#of(thread).closes.push(...fds);
  }

  /**
   * The driver has come to the end of an ioctl.
   *
   * @returns whether it is answered here; otherwise that is the caller's to do.
   */
  answer(thread: Thread, errno: number): boolean {
    return this.#byRequest.get(thread.request)?.answer(errno) ?? false;
  }

  /** The thread that makes this request has a signal. @returns whether that is dealt with here. */
  interrupt(request: number): boolean {
    const installation = this.#byRequest.get(request);
    installation?.interrupt();
    return installation !== undefined;
  }

  /**
   * See `ClientMemory.write`, for a thread that is held; its process might be in execve by now.
   *
   * @returns `undefined` for other threads.
   */
  write(tid: number, address: number, from: Area, at: number, length: number): number | undefined {
    for (const { thread, injected } of this.#byRequest.values())
      if (thread.id === tid && injected?.isHeld) return injected.write(address, from.address + at, length);
    return undefined;
  }

  #of(thread: Thread): Installation {
    let installation = this.#byRequest.get(thread.request);
    if (!installation) {
      const request = thread.request;
      installation = new Installation(thread, this.#injector, this.#owner, () =>
        this.#byRequest.delete(request),
      );
      this.#byRequest.set(request, installation);
    }
    return installation;
  }
}

/** What happens in one ioctl of one thread. */
class Installation implements InjectionListener {
  readonly thread: Thread;
  readonly closes: number[] = [];
  injected: Injected | null = null;
  readonly #injector: Injector;
  readonly #owner: InstallationsOwner;
  readonly #forget: () => void;
  #isInstalling = false;
  #isSignalled = false;
  /** How the ioctl ends, when the driver has said so. */
  #answer: number | null = null;

  constructor(thread: Thread, injector: Injector, owner: InstallationsOwner, forget: () => void) {
    this.thread = thread;
    this.#injector = injector;
    this.#owner = owner;
    this.#forget = forget;
  }

  install(files: readonly TakenFile[]): void {
    this.#isInstalling = true;
    this.#begin().install(files.map(({ fd }) => fd));
  }

  answer(errno: number): boolean {
    this.#answer = errno;
    if (!this.injected && this.closes.length === 0) {
      if (errno !== RESTART) {
        this.#forget();
        return false;
      }
      setImmediate(() => this.#makeAgain());
      return true;
    }
    // The driver wants to hear nothing of an installation any more: what comes of it is taken back first
    if (!this.#isInstalling) this.#finish(errno);
    return true;
  }

  interrupt(): void {
    this.#isSignalled = true;
    if (!this.injected?.interrupted()) return;
    this.injected = null;
    this.closes.length = 0;
    if (this.#answer === null) this.thread.process.leave(this.thread, EINTR);
    else this.notFinished();
    this.#owner.settle();
  }

  done(outcome: Outcome): void {
    this.#isInstalling = false;
    const { thread } = this;
    if (!this.injected?.isHeld) this.injected = null;
    if (this.#answer !== null) {
      if (typeof outcome !== 'number') this.closes.push(...outcome);
      if (this.injected) this.#finish(this.#answer);
      else this.notFinished();
      return;
    }
    thread.process.installed(thread, outcome);
    this.#owner.settle();
  }

  notFinished(): void {
    this.#forget();
    this.#owner.answerNow(this.thread, this.#answer ?? EINTR);
  }

  gone(): void {
    this.#forget();
    const { process, id } = this.thread;
    if (process.threads.get(id) === this.thread) process.threadDied(id);
    this.#owner.settle();
  }

  #begin(): Injected {
    const { thread } = this;
    if (!this.injected) {
      const answer = this.#owner.answerBytes(thread.request, -ERESTARTNOINTR, this.#argument());
      const target = { thread: thread.id, owner: thread.euid, answer };
      this.injected = this.#injector.begin(target, this);
    }
    return this.injected;
  }

  #finish(errno: number): void {
    const result = errno === RESTART ? null : -errno;
    this.#begin().finish({ closes: this.closes, result, argument: this.#argument() });
    this.#forget();
  }

  #makeAgain(): void {
    this.#forget();
    if (this.#isSignalled) this.#owner.answerNow(this.thread, EINTR);
    else this.#owner.makeAgain(this.thread);
    this.#owner.settle();
  }

  /** The counts as they are now; these ioctls are all BINDER_WRITE_READ. */
  #argument(): Uint8Array {
    const bytes = new Uint8Array(ARGUMENT_SIZE);
    this.thread.writeRead.store(new DataView(bytes.buffer), 0);
    return bytes;
  }
}
