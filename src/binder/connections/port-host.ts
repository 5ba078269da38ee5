import { BR_REPLY, BR_TRANSACTION, BR_TRANSACTION_SEC_CTX } from '../../abi/binder.ts';
import { iocSize } from '../../abi/ioctl-code.ts';
import { readU64 } from '../../abi/u64.ts';
import { type BinderThread, type Carrier, Commands, type ThreadEvents } from '../runtime/seam.ts';
import type { Placed, Port, PortMessage, Received, ToClient, ToHost } from './port-messages.ts';

/** Bytes that an ioctl's argument has at most (`_IOC_SIZE` has 14 bits). */
const MAX_ARGUMENT = 0x3fff;

/**
 * Serves a process that is in another realm (a Worker, an iframe), behind a MessagePort: makes its ioctls on `carrier`, an
 * open of the driver here. What comes from the port is not trusted: who does not keep to the protocol is told why, and cut
 * off.
 */
export class PortHost implements Disposable {
  readonly #port: Port;
  readonly #carrier: Carrier;
  readonly #threads = new Map<number, HostedThread>();
  readonly #onClose: () => void;
  #isClosed = false;

  /** @param onClose - told once, when either side has ended it */
  constructor(carrier: Carrier, port: Port, onClose: () => void) {
    this.#carrier = carrier;
    this.#port = port;
    this.#onClose = onClose;
    port.addEventListener('message', ({ data }: PortMessage) => this.#received(data));
    port.addEventListener('messageerror', () => this.close('a message could not be read'));
    port.addEventListener('close', () => this.close('the port was closed'));
    port.start?.();
    this.tell(['welcome', carrier.identity]);
  }

  /** Ends the client's process, as far as the driver goes. Doing it again does nothing. */
  close(why = 'the driver was closed'): void {
    if (this.#isClosed) return;
    this.tell(['closed', why]);
    this.#isClosed = true;
    this.#carrier.close();
    this.#port.close?.();
    this.#onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ---- for its threads

  tell(message: ToClient, transfer: ArrayBuffer[] = []): void {
    if (!this.#isClosed) this.#port.postMessage(message, transfer);
  }

  view(address: number, length: number): Uint8Array {
    return this.#carrier.view(address, length);
  }

  forget(thread: number): void {
    this.#threads.delete(thread);
  }

  #received(message: unknown): void {
    if (this.#isClosed) return;
    try {
      this.#carryOut(message as ToHost);
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  #carryOut(message: ToHost): void {
    if (!Array.isArray(message)) throw refused(message);
    switch (message[0]) {
      case 'park':
        return this.#thread(message[1]).park(commandsOf(message[2], message[3]));
      case 'write':
        return this.#carrier.write(commandsOf(message[1], message[2]));
      case 'exit':
        return this.#threads.get(message[1])?.exit();
      case 'ioctl':
        return this.#ioctl(message[1], message[2], message[3]);
      case 'close':
        return this.close('closed by the client');
      default:
        throw refused(message);
    }
  }

  #thread(id: number): HostedThread {
    if (!Number.isSafeInteger(id) || id < 1) throw refused(id);
    let thread = this.#threads.get(id);
    if (!thread) {
      if (this.#threads.size > this.#carrier.maxCallers + this.#carrier.maxThreads) {
        throw new Error(`Cannot open thread ${id}: there are ${this.#threads.size}`);
      }
      thread = new HostedThread(this, id, this.#carrier);
      this.#threads.set(id, thread);
    }
    return thread;
  }

  #ioctl(request: number, command: number, bytes: Uint8Array): void {
    const isFit =
      Number.isSafeInteger(request) &&
      Number.isSafeInteger(command) &&
      bytes instanceof Uint8Array &&
      bytes.length <= MAX_ARGUMENT &&
      bytes.length >= iocSize(command);
    if (!isFit) throw refused(command);
    const argument = bytes.slice();
    const told = (errno: number): void => this.tell(['answered', request, errno, argument]);
    const result = this.#carrier.ioctl(command, argument);
    if (typeof result === 'number') told(result);
    else void result.then(told);
  }
}

/** A Binder thread of the client. */
class HostedThread implements ThreadEvents {
  readonly id: number;
  readonly thread: BinderThread;
  readonly #host: PortHost;
  #isParked = false;

  constructor(host: PortHost, id: number, carrier: Carrier) {
    this.#host = host;
    this.id = id;
    this.thread = carrier.openThread(this);
  }

  park(commands: Commands): void {
    if (this.#isParked) throw new Error(`Cannot park thread ${this.id}: it is parked`);
    this.#isParked = true;
    this.thread.write(commands);
    this.thread.park(false);
  }

  exit(): void {
    if (this.#isParked) throw new Error(`Cannot end thread ${this.id}: it is parked`);
    this.#host.forget(this.id);
    this.thread.exit();
  }

  returned(buffer: Uint8Array, length: number): void {
    this.#isParked = false;
    const commands = buffer.slice(0, length);
    const received = this.#collect(commands);
    const transfer = [commands.buffer, ...received.map(([, bytes]) => bytes.buffer as ArrayBuffer)];
    this.#host.tell(['returned', this.id, commands, received], transfer);
  }

  failed(errno: number): void {
    this.#isParked = false;
    this.#host.forget(this.id);
    this.#host.tell(['failed', this.id, errno]);
  }

  /** Copies of what the commands say that arrived: data, offsets and, at the very end, the caller's label. */
  #collect(commands: Uint8Array): Received[] {
    const received: Received[] = [];
    const view = new DataView(commands.buffer);
    for (let at = 0; at + 4 <= commands.length; ) {
      const command = view.getUint32(at, true);
      const payload = at + 4;
      at = payload + iocSize(command);
      if (command !== BR_TRANSACTION && command !== BR_TRANSACTION_SEC_CTX && command !== BR_REPLY) continue;
      const address = Number(readU64(view, payload + 48));
      let end = Number(readU64(view, payload + 56)) + Number(readU64(view, payload + 40));
      if (command === BR_TRANSACTION_SEC_CTX) end = this.#endOfText(Number(readU64(view, payload + 64)));
      received.push([address, this.#host.view(address, end - address).slice()]);
    }
    return received;
  }

  #endOfText(address: number): number {
    let end = address;
    while (this.#host.view(end, 1)[0]) end++;
    return end + 1;
  }
}

function commandsOf(bytes: Uint8Array, attachments: readonly Placed[]): Commands {
  const areFit =
    bytes instanceof Uint8Array &&
    Array.isArray(attachments) &&
    attachments.every(
      ([at, placed]) =>
        Number.isSafeInteger(at) && at >= 0 && at + 8 <= bytes.length && placed instanceof Uint8Array,
    );
  if (!areFit) throw refused(bytes);
  return Commands.of(
    bytes,
    attachments.map(([at, placed]) => ({ at, bytes: placed })),
  );
}

function refused(what: unknown): Error {
  return new Error(`Cannot understand the client's message: ${String(what).slice(0, 80)}`);
}
