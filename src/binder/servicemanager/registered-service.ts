import { asBinder, type Call, type IBinder, linkToDeath, type Ref, release } from '../runtime/binder.ts';
import { IServiceManager } from './android/os/IServiceManager.ts';

/** A service that has a name: the reference to it, who registered it, and whether it is known to have clients. */
export class RegisteredService implements Disposable {
  readonly object: Ref;
  readonly allowIsolated: boolean;
  readonly dumpPriority: number;
  readonly pid: number;
  readonly uid: number;
  /** What it was told last. */
  hasClients = false;
  /** Somebody was given it, and the driver may not count that yet. */
  clientIsPromised = false;
  #death: Disposable | null = null;

  /** @param object - owned from now on */
  constructor(object: Ref, allowIsolated: boolean, dumpPriority: number, { pid, uid }: Call) {
    this.object = object;
    this.allowIsolated = allowIsolated;
    this.dumpPriority = dumpPriority;
    this.pid = pid;
    this.uid = uid;
  }

  /** What tells whether another reference is to the same object. */
  get key(): IBinder {
    return asBinder(this.object);
  }

  get isLazy(): boolean {
    return (this.dumpPriority & IServiceManager.FLAG_IS_LAZY_SERVICE) !== 0;
  }

  /** Calls `died` when its process is gone. */
  watch(died: () => void): void {
    this.#death = linkToDeath(this.object, died);
  }

  [Symbol.dispose](): void {
    this.#death?.[Symbol.dispose]();
    this.#death = null;
    release(this.object);
  }
}
