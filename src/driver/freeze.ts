import { BR_CLEAR_FREEZE_NOTIFICATION_DONE, BR_FROZEN_BINDER } from '../abi/binder.ts';
import { EAGAIN, EINTR } from '../abi/errno.ts';
import { type U64, writeU64 } from '../abi/u64.ts';
import type { Timer } from './ports.ts';
import type { Process } from './process.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, CONTINUE, STOP, WorkItem } from './work.ts';

/**
 * A process's wish to hear when the owner of a node is frozen or thawed: one per ref, named by the client's cookie. The
 * first report comes at once, with the state as it is.
 *
 * ```
 *             owner changes            read                  BC_FREEZE_NOTIFICATION_DONE
 *   watching ----------------> queued --------> delivered ---------------------------------> watching
 *                                |                  |                                          ^
 *                          changes again:     changes again: queued once more after the DONE --+
 *                          only the value
 * ```
 *
 * Cleared while queued, the item turns into the confirmation; cleared while delivered, that follows the client's DONE.
 */
export class FreezeRegistration extends WorkItem {
  readonly cookie: U64;
  readonly #process: Process;
  #isFrozen = false;
  /** Delivered, and not yet acknowledged. */
  #isSent = false;
  /** Something changed since it was delivered. */
  #mustResend = false;
  isCleared = false;

  constructor(cookie: U64, process: Process) {
    super();
    this.cookie = cookie;
    this.#process = process;
    process.freezeRegistrations++;
    process.driver.stats.freeze.create();
  }

  /** The state of the node's owner. @returns true when the item is to be queued now. */
  ownerIs(isFrozen: boolean): boolean {
    const isIdle = !this.list;
    if (!isIdle && this.#isSent && this.#isFrozen !== isFrozen) this.#mustResend = true;
    this.#isFrozen = isFrozen;
    return isIdle;
  }

  /** The client takes its wish back. @returns true when the confirmation is to be queued now. */
  clear(): boolean {
    this.isCleared = true;
    if (!this.list) return true;
    if (this.#isSent) this.#mustResend = true;
    return false;
  }

  /** The client has dealt with a report. @returns true when there is more to tell. */
  acknowledge(): boolean {
    this.#isSent = false;
    const more = this.#mustResend;
    this.#mustResend = false;
    return more;
  }

  override prepare(_thread: Thread, out: ReadBuffer): AfterItem {
    if (this.isCleared) {
      out.cookieCommand(BR_CLEAR_FREEZE_NOTIFICATION_DONE, this.cookie);
      return CONTINUE;
    }
    const at = out.payload(BR_FROZEN_BINDER, 16);
    const { view } = out.area;
    writeU64(view, at, this.cookie);
    view.setUint32(at + 8, Number(this.#isFrozen), true);
    view.setUint32(at + 12, 0, true);
    return STOP;
  }

  override commit(thread: Thread): void {
    if (this.isCleared) return this.release();
    this.#isSent = true;
    thread.process.deliveredFreezes.push(this);
  }

  override cancel(): void {
    this.release();
  }

  /** The registration is gone, with its ref, its process, or because the client took it back. */
  release(): void {
    this.#process.freezeRegistrations--;
    this.#process.driver.stats.freeze.delete();
  }
}

/**
 * A BINDER_FREEZE that freezes: each process in turn stops taking calls, and gets some time to finish those it has. One
 * that does not is thawed again, and the ioctl fails; those before it stay frozen.
 */
export class FreezeRequest {
  readonly #thread: Thread;
  readonly #targets: readonly Process[];
  readonly #timeout: number;
  #next = 0;
  #timer: Timer | null = null;

  /** @param timeout - milliseconds for each process; 0 tests at once */
  constructor(thread: Thread, targets: readonly Process[], timeout: number) {
    this.#thread = thread;
    this.#targets = targets;
    this.#timeout = timeout;
  }

  /** Goes on as far as it can. @returns 0 or an errno when it is done, `null` while it waits. */
  proceed(): number | null {
    for (; this.#next < this.#targets.length; this.#next++) {
      const target = this.#targets[this.#next] as Process;
      if (!this.#timer) {
        target.beginFreeze();
        if (this.#timeout > 0 && target.outstanding > 0) {
          target.freezeRequests.add(this);
          this.#timer = target.driver.host.startTimer(this.#timeout, () => {
            this.#finish();
            target.driver.runWakeList();
          });
          return null;
        }
      }
      this.#stopWaiting(target);
      if (target.hasPendingTransactions) {
        target.abandonFreeze();
        return EAGAIN;
      }
      target.tellFrozen(true);
    }
    return 0;
  }

  /**
   * The process that is waited for has nothing outstanding any more. That happens in the middle of somebody's read:
   * whoever is woken by it reads when that one is done, since all collect what they read in the same place.
   */
  drained(): void {
    this.#finish();
  }

  /** A signal came to the thread that waits. */
  interrupt(): void {
    const target = this.#targets[this.#next] as Process;
    this.#stopWaiting(target);
    target.abandonFreeze();
    this.#answer(EINTR);
  }

  #finish(): void {
    const result = this.proceed();
    if (result === null) return;
    this.#answer(result);
  }

  #answer(errno: number): void {
    const thread = this.#thread;
    thread.freezing = null;
    thread.needReturn = false;
    thread.process.client.answer(thread, errno);
  }

  #stopWaiting(target: Process): void {
    target.freezeRequests.delete(this);
    this.#timer?.cancel();
    this.#timer = null;
  }
}
