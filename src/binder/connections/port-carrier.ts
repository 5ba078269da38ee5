import { BC_FREE_BUFFER } from '../../abi/binder.ts';
import { EBADF, ECONNREFUSED } from '../../abi/errno.ts';
import { iocSize } from '../../abi/ioctl-code.ts';
import { readU64 } from '../../abi/u64.ts';
import { BinderError } from '../parcel/errors.ts';
import {
  type BinderThread,
  type Carrier,
  Commands,
  type ThreadEvents,
  type TurnBudget,
} from '../runtime/seam.ts';
import { LoopBudget } from './loop-budget.ts';
import type { Placed, Port, PortMessage, ToClient, ToHost } from './port-messages.ts';

/** An open of a driver that is in another realm, behind a MessagePort. File descriptors cannot travel. */
export class PortCarrier implements Carrier {
  readonly identity: { readonly pid: number; readonly uid: number };
  // Threads are numbers here.
  readonly maxThreads = 1023;
  readonly maxCallers = 1024;
  readonly files = null;
  readonly budget: TurnBudget = new LoopBudget();
  readonly #port: Port;
  readonly #threads = new Map<number, PortThread>();
  readonly #ioctls = new Map<number, { argument: Uint8Array; resolve: (errno: number) => void }>();
  /** What arrived, by address, until BC_FREE_BUFFER. */
  readonly #received = new Map<number, Uint8Array>();
  #lastThread = 0;
  #lastRequest = 0;
  #isClosed = false;

  /** Waits for the other side to take the port. @throws BinderError CLOSED when it does not, but closes it. */
  static open(port: Port): Promise<PortCarrier> {
    return new Promise((resolve, reject) => {
      let carrier: PortCarrier | null = null;
      port.addEventListener('message', ({ data }: PortMessage) => {
        const message = data as ToClient;
        if (carrier) return carrier.#heard(message);
        if (message[0] !== 'welcome')
          return reject(new BinderError('CLOSED', `Cannot connect: ${message[1]}`));
        carrier = new PortCarrier(port, message[1]);
        resolve(carrier);
      });
      port.addEventListener('close', () => {
        if (carrier) carrier.#lost();
        else reject(new BinderError('CLOSED', 'Cannot connect: the port was closed'));
      });
      port.start?.();
    });
  }

  constructor(port: Port, identity: { readonly pid: number; readonly uid: number }) {
    this.#port = port;
    this.identity = identity;
    port.unref?.();
  }

  ioctl(command: number, argument: Uint8Array): Promise<number> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve(EBADF);
      const request = ++this.#lastRequest;
      this.#ioctls.set(request, { argument, resolve });
      this.#tell(['ioctl', request, command, argument.slice()]);
    });
  }

  write(commands: Commands): void {
    const { bytes, placed, transfer } = this.copy(commands);
    this.#tell(['write', bytes, placed], transfer);
  }

  openThread(events: ThreadEvents): BinderThread {
    const thread = new PortThread(this, ++this.#lastThread, events);
    this.#threads.set(thread.id, thread);
    return thread;
  }

  view(address: number, length: number): Uint8Array {
    let start = address;
    let bytes = this.#received.get(address);
    if (!bytes) {
      for (const [first, candidate] of this.#received) {
        if (address < first || address >= first + candidate.length) continue;
        start = first;
        bytes = candidate;
        break;
      }
    }
    const at = address - start;
    return (bytes ?? NOTHING).subarray(at, at + length);
  }

  keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.#port.ref?.();
    else this.#port.unref?.();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#tell(['close']);
    this.#isClosed = true;
    this.#port.close?.();
    this.#end(EBADF);
  }

  // ---- for its threads

  park(thread: number, commands: Commands): void {
    const { bytes, placed, transfer } = this.copy(commands);
    this.#tell(['park', thread, bytes, placed], transfer);
  }

  signal(what: 'exit', thread: number): void {
    if (what === 'exit') this.#threads.delete(thread);
    this.#tell([what, thread]);
  }

  /** Copies that can be given away, since a message takes along all of the memory that a view is of. */
  copy(commands: Commands): { bytes: Uint8Array; placed: Placed[]; transfer: ArrayBuffer[] } {
    const bytes = commands.bytes.slice();
    const transfer = [bytes.buffer];
    const placed = commands.attachments.map((attachment): Placed => {
      const copy = attachment.bytes.slice();
      transfer.push(copy.buffer);
      return [attachment.at, copy];
    });
    this.#forgetFreed(bytes);
    return { bytes, placed, transfer };
  }

  #forgetFreed(commands: Uint8Array): void {
    if (this.#received.size === 0) return;
    const view = new DataView(commands.buffer);
    for (let at = 0; at + 4 <= commands.length; ) {
      const command = view.getUint32(at, true);
      if (command === BC_FREE_BUFFER) this.#received.delete(Number(readU64(view, at + 4)));
      at += 4 + iocSize(command);
    }
  }

  #tell(message: ToHost, transfer: ArrayBuffer[] = []): void {
    if (!this.#isClosed) this.#port.postMessage(message, transfer);
  }

  #heard(message: ToClient): void {
    if (this.#isClosed) return;
    switch (message[0]) {
      case 'returned': {
        const [, thread, commands, received] = message;
        for (const [address, bytes] of received) this.#received.set(address, bytes);
        return this.#threads.get(thread)?.events.returned(commands, commands.length);
      }
      case 'failed': {
        const thread = this.#threads.get(message[1]);
        this.#threads.delete(message[1]);
        return thread?.events.failed(message[2]);
      }
      case 'answered': {
        const waiting = this.#ioctls.get(message[1]);
        this.#ioctls.delete(message[1]);
        waiting?.argument.set(message[3]);
        return waiting?.resolve(message[2]);
      }
      case 'closed':
        return this.#lost();
    }
  }

  /** The driver is gone. */
  #lost(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#port.close?.();
    const threads = [...this.#threads.values()];
    this.#end(ECONNREFUSED);
    for (const { events } of threads) events.failed(ECONNREFUSED);
  }

  #end(errno: number): void {
    this.#threads.clear();
    this.#received.clear();
    for (const { resolve } of this.#ioctls.values()) resolve(errno);
    this.#ioctls.clear();
  }
}

const NOTHING = new Uint8Array();

/** A Binder thread: a number that the host knows. */
class PortThread implements BinderThread {
  readonly id: number;
  readonly events: ThreadEvents;
  readonly #carrier: PortCarrier;
  #next: Commands = EMPTY;

  constructor(carrier: PortCarrier, id: number, events: ThreadEvents) {
    this.#carrier = carrier;
    this.id = id;
    this.events = events;
  }

  write(commands: Commands): void {
    this.#next = this.#next.followedBy(commands);
  }

  park(): boolean {
    const next = this.#next;
    this.#next = EMPTY;
    this.#carrier.park(this.id, next);
    return false;
  }

  exit(): void {
    this.#carrier.signal('exit', this.id);
  }
}

const EMPTY = new Commands();
