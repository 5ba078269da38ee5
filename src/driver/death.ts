import { BR_CLEAR_DEATH_NOTIFICATION_DONE, BR_DEAD_BINDER } from '../abi/binder.ts';
import type { U64 } from '../abi/u64.ts';
import type { Process } from './process.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, CONTINUE, STOP, WorkItem } from './work.ts';

/**
 * A process's wish to hear when a node's owner dies: one per ref, named by the client's cookie.
 *
 * ```
 *             node dies           read                 BC_DEAD_BINDER_DONE
 *   watching ----------> queued ----------> delivered ----------------------> watching (node is dead)
 *      |                    |                   |
 *      | clear              | clear             | clear
 *      v                    v                   v
 *   BR_CLEAR_..._DONE    DEAD_BINDER first, then BR_CLEAR_..._DONE after the client's DONE
 * ```
 */
export class DeathRegistration extends WorkItem {
  readonly cookie: U64;
  readonly #process: Process;
  /** The node's death is queued or was delivered and not yet acknowledged. */
  reportsDeath = false;
  /** The client has taken back its wish. */
  isCleared = false;

  constructor(cookie: U64, process: Process) {
    super();
    this.cookie = cookie;
    this.#process = process;
    process.deathRegistrations++;
    process.driver.stats.death.create();
  }

  nodeDied(): void {
    this.reportsDeath = true;
  }

  /** @returns true when the client can be told at once that the registration is gone. */
  clear(): boolean {
    this.isCleared = true;
    if (this.list) return false;
    this.reportsDeath = false;
    return true;
  }

  /** The client has dealt with the death. @returns true when the end of the registration is now to be told. */
  acknowledge(): boolean {
    this.reportsDeath = false;
    return this.isCleared;
  }

  override prepare(_thread: Thread, out: ReadBuffer): AfterItem {
    out.cookieCommand(this.reportsDeath ? BR_DEAD_BINDER : BR_CLEAR_DEATH_NOTIFICATION_DONE, this.cookie);
    // A dead binder makes user space act, which may need transactions: it hears of it alone.
    return this.reportsDeath ? STOP : CONTINUE;
  }

  override commit(thread: Thread): void {
    if (this.reportsDeath) thread.process.deliveredDeaths.push(this);
    else this.release();
  }

  override cancel(): void {
    this.release();
  }

  /** The registration is gone, with its ref, its process, or because the client took it back. */
  release(): void {
    this.#process.deathRegistrations--;
    this.#process.driver.stats.death.delete();
  }
}
