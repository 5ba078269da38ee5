import { BINDER_GET_EXTENDED_ERROR, BINDER_WRITE_READ } from '../../src/abi/binder.ts';
import { BC_COMMANDS, decodeCommands } from '../../src/abi/commands.ts';
import { iocSize } from '../../src/abi/ioctl-code.ts';
import { extendedError, transactionData, writeRead } from '../../src/abi/structs.ts';
import { errnoName } from './actor.ts';
import type { OpenOptions, Peer, PeerThread, World } from './world.ts';

/** What a scenario met. */
export interface Met {
  /** An ioctl by its code, and what it returned: `0` or the name of an errno. */
  ioctl(code: number, outcome: string): void;
  /** A command of a write buffer, and what the ioctl returned. */
  command(code: number, outcome: string): void;
  /** A command that was read, by its name. */
  answer(name: string): void;
  /** The type of an object that was sent. */
  object(type: number): void;
  /** An extended error that was read. */
  failure(command: number, errno: string): void;
}

/** Longer buffers are made up by scenarios, and are nowhere. */
const MAX_BUFFER = 1 << 20;

/** Another world, and a record of what is said in it. */
export class RecordingWorld implements World {
  readonly #world: World;
  readonly #met: Met;

  constructor(world: World, met: Met) {
    this.#world = world;
    this.#met = met;
  }

  get abilities(): World['abilities'] {
    return this.#world.abilities;
  }

  async open(options: OpenOptions): Promise<Peer> {
    const peer = await this.#world.open(options);
    const thread = async (name: string): Promise<PeerThread> => this.#record(peer, await peer.thread(name));
    return new Proxy(peer, {
      get(target, key) {
        if (key === 'thread') return thread;
        const member: unknown = Reflect.get(target, key, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }

  settle(): Promise<void> {
    return this.#world.settle();
  }

  log(name: string): Promise<string> {
    return this.#world.log(name);
  }

  close(): Promise<void> {
    return this.#world.close();
  }

  #record(peer: Peer, thread: PeerThread): PeerThread {
    const ioctl = async (command: number, argument: Uint8Array): Promise<number> => {
      const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
      const before = command === BINDER_WRITE_READ ? writeRead.decode(view) : null;
      const errno = await thread.ioctl(command, argument);
      const outcome = errnoName(errno);
      this.#met.ioctl(command, outcome);
      if (before) {
        await this.#written(peer, before, outcome);
        await this.#read(peer, Number(before.readConsumed), writeRead.decode(view));
      } else if (command === BINDER_GET_EXTENDED_ERROR && errno === 0) {
        const { command: code, param } = extendedError.decode(view);
        this.#met.failure(code, param === 0 ? '0' : errnoName(-param));
      }
      return errno;
    };
    return { ioctl, poll: () => thread.poll(), interrupt: () => thread.interrupt() };
  }

  async #written(peer: Peer, { writeBuffer, writeSize }: Request, outcome: string): Promise<void> {
    const bytes = await memory(peer, writeBuffer, writeSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 4 <= bytes.length; ) {
      const code = view.getUint32(at, true);
      const size = iocSize(code);
      if (!BC_COMMANDS.has(code) || at + 4 + size > bytes.length) return;
      this.#met.command(code, outcome);
      if (BC_COMMANDS.get(code)?.name.match(/^BC_(TRANSACTION|REPLY)/))
        await this.#objects(peer, transactionData.decode(view, at + 4));
      at += 4 + size;
    }
  }

  async #objects(peer: Peer, { buffer, dataSize, offsets, offsetsSize }: Data): Promise<void> {
    const data = await memory(peer, buffer, dataSize);
    const list = await memory(peer, offsets, offsetsSize);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const words = new DataView(list.buffer, list.byteOffset, list.byteLength);
    for (let at = 0; at + 8 <= list.length; at += 8) {
      const offset = Number(words.getBigUint64(at, true));
      if (offset + 4 <= data.length) this.#met.object(view.getUint32(offset, true));
    }
  }

  async #read(peer: Peer, from: number, { readBuffer, readConsumed }: Request): Promise<void> {
    const bytes = await memory(peer, Number(readBuffer) + from, Number(readConsumed) - from);
    for (const { name } of decodeCommands(bytes)) this.#met.answer(name);
  }
}

type Request = ReturnType<typeof writeRead.decode>;
type Data = ReturnType<typeof transactionData.decode>;

/** A copy of what is there; nothing where there is nothing. */
async function memory(peer: Peer, address: number | bigint, size: number | bigint): Promise<Uint8Array> {
  if (size <= 0 || size > MAX_BUFFER) return new Uint8Array();
  try {
    return (await peer.received(Number(address), Number(size))).slice();
  } catch {
    return new Uint8Array();
  }
}
