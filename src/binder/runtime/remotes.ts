import * as B from '../../abi/binder.ts';
import type { U64 } from '../../abi/u64.ts';
import { RemoteBinder } from './binder.ts';
import type { Connection } from './connection.ts';
import { tellDeath } from './diagnostics.ts';

/** The objects of others that a connection knows: by handle, and by the cookies of the notifications it asked for. */
export class Remotes {
  readonly #connection: Connection;
  readonly #byHandle = new Map<number, RemoteBinder>();
  readonly #byCookie = new Map<U64, RemoteBinder>();
  #lastCookie = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The object behind a handle that arrived. It is acquired before the buffer that brought it is freed. */
  get(handle: number, stability: number): RemoteBinder {
    let remote = this.#byHandle.get(handle);
    if (!remote) {
      remote = new RemoteBinder(this.#connection, handle, stability);
      this.#byHandle.set(handle, remote);
      // There may be no manager yet: it is counted when it first answered.
      if (handle !== 0) this.acquire(remote);
    }
    return remote;
  }

  acquire(remote: RemoteBinder): void {
    const { commands } = this.#connection;
    remote.isAcquired = true;
    commands.handle(B.BC_INCREFS, remote.handle);
    commands.handle(B.BC_ACQUIRE, remote.handle);
    this.#connection.flushSoon();
  }

  /** A reply came from the object. */
  answered(remote: RemoteBinder): void {
    if (remote.isAcquired || this.#byHandle.get(remote.handle) !== remote) return;
    this.acquire(remote);
    remote.watch();
  }

  /** The last reference is gone. If the handle comes again it is another object for this process. */
  release(remote: RemoteBinder): void {
    const { handle } = remote;
    if (this.#connection.isClosed || this.#byHandle.get(handle) !== remote) return;
    const { commands } = this.#connection;
    this.#byHandle.delete(handle);
    this.#byCookie.delete(remote.cookie);
    this.#byCookie.delete(remote.freezeCookie);
    if (remote.cookie !== 0) commands.handleCookie(B.BC_CLEAR_DEATH_NOTIFICATION, handle, remote.cookie);
    if (remote.freezeCookie !== 0) {
      commands.handleCookie(B.BC_CLEAR_FREEZE_NOTIFICATION, handle, remote.freezeCookie);
    }
    remote.cookie = 0;
    remote.freezeCookie = 0;
    if (remote.isAcquired) {
      commands.handle(B.BC_RELEASE, handle);
      commands.handle(B.BC_DECREFS, handle);
    }
    this.#connection.flushSoon();
  }

  watchDeath(remote: RemoteBinder): void {
    if (remote.cookie !== 0 || !remote.isAcquired) return;
    remote.cookie = this.#ask(B.BC_REQUEST_DEATH_NOTIFICATION, remote);
  }

  unwatchDeath(remote: RemoteBinder): void {
    if (remote.cookie === 0 || remote.isDead) return;
    this.#askNoMore(B.BC_CLEAR_DEATH_NOTIFICATION, remote, remote.cookie);
    remote.cookie = 0;
  }

  watchFrozen(remote: RemoteBinder): void {
    if (remote.freezeCookie !== 0 || !remote.isAcquired) return;
    remote.freezeCookie = this.#ask(B.BC_REQUEST_FREEZE_NOTIFICATION, remote);
  }

  unwatchFrozen(remote: RemoteBinder): void {
    if (remote.freezeCookie === 0) return;
    this.#askNoMore(B.BC_CLEAR_FREEZE_NOTIFICATION, remote, remote.freezeCookie);
    remote.freezeCookie = 0;
  }

  /** BR_DEAD_BINDER. */
  died(cookie: U64): void {
    this.#connection.commands.value(B.BC_DEAD_BINDER_DONE, cookie);
    this.#connection.flushSoon();
    const remote = this.#byCookie.get(cookie);
    if (!remote) return;
    tellDeath({ handle: remote.handle, connection: this.#connection });
    remote.died();
    // The next manager is another object.
    if (remote.handle === 0) this.release(remote);
  }

  /** BR_FROZEN_BINDER. */
  frozen(cookie: U64, isFrozen: boolean): void {
    this.#connection.commands.value(B.BC_FREEZE_NOTIFICATION_DONE, cookie);
    this.#connection.flushSoon();
    this.#byCookie.get(cookie)?.frozen(isFrozen);
  }

  /** BR_CLEAR_DEATH_NOTIFICATION_DONE, or that of a freeze notification. */
  cleared(cookie: U64): void {
    this.#byCookie.delete(cookie);
  }

  /** The driver is gone, and with it everybody else. */
  close(): void {
    for (const remote of [...this.#byHandle.values()]) remote.died();
  }

  #ask(command: number, remote: RemoteBinder): number {
    const cookie = ++this.#lastCookie;
    this.#byCookie.set(cookie, remote);
    this.#connection.commands.handleCookie(command, remote.handle, cookie);
    this.#connection.needLooper();
    this.#connection.flushSoon();
    return cookie;
  }

  #askNoMore(command: number, remote: RemoteBinder, cookie: number): void {
    this.#connection.commands.handleCookie(command, remote.handle, cookie);
    this.#byCookie.delete(cookie);
    this.#connection.flushSoon();
  }
}
