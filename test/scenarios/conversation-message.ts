import {
  FLAT_BINDER_FLAG_ACCEPTS_FDS,
  FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
  TF_ACCEPT_FDS,
  TF_CLEAR_BUF,
} from '../../src/abi/binder.ts';
import {
  buffer,
  bytes,
  type DataObject,
  descriptor,
  descriptorArray,
  type Message,
  type Parent,
  strongBinder,
  strongHandle,
  u32s,
  unknownObject,
  weakBinder,
  weakHandle,
} from '../support/commands.ts';
import type { Random } from '../support/random.ts';
import type { Party } from './conversation-party.ts';

/** Where the flags of an object say whose node it is: the driver hands on what it does not know. */
const OWNER_SHIFT = 16;
const MOST_FILES = 5;
/** An address at which nobody has memory. */
export const NOWHERE = 8;
/** A descriptor that nobody has. */
const NO_FILE = 900_000;

/** Whose node an object with these flags is; -1 when nobody said. */
export const ownerIn = (flags: number): number => (flags >>> OWNER_SHIFT) - 1;
const ownerFlags = (owner: number): number => (owner + 1) << OWNER_SHIFT;

/** A message that was made up, and how it is told. */
export interface Draft {
  readonly message: Message;
  readonly text: string;
  /** The kinds of its objects, as their types are called. */
  readonly kinds: readonly string[];
}

/** What messages may be about, which not every world can. */
export interface Styles {
  /** Whether descriptors are sent. */
  readonly sendsFiles?: boolean;
  /** Whether nodes ask for the sender's security label. */
  readonly asksLabels?: boolean;
}

/** Makes up a message of `party`; most can be delivered. */
export async function draft(
  random: Random,
  party: Party,
  { sendsFiles, asksLabels }: Required<Styles>,
): Promise<Draft> {
  const writer = new Writer(random, party, asksLabels);
  const style = random.below(20);
  for (let count = random.below(3); count > 0; count--) writer.addFlat();
  if (style < 4 && sendsFiles) for (let count = random.below(3); count >= 0; count--) await writer.addFile();
  else if (style < 8) await writer.addBuffers(sendsFiles);
  return writer.finish();
}

/** Text and parts of a message, growing. */
class Writer {
  readonly #random: Random;
  readonly #party: Party;
  readonly #asksLabels: boolean;
  readonly #size: number;
  readonly #objects: DataObject[] = [];
  readonly #words: string[] = [];
  readonly #kinds: string[] = [];
  /** How much of each buffer was filled with pointers, by its index. */
  readonly #filled = new Map<number, number>();
  /** Scatter-gather memory, where it is needed. */
  #space: number | undefined;

  constructor(random: Random, party: Party, asksLabels: boolean) {
    this.#asksLabels = asksLabels;
    this.#random = random;
    this.#party = party;
    this.#size = random.pick([0, 4, 4, 8, 60, 200, 1000, 2000, 3000, 5000]);
    if (random.one(10)) this.#space = 8 * random.below(20);
  }

  #add(kind: string, object: DataObject, text: string): void {
    this.#objects.push(object);
    this.#words.push(text);
    this.#kinds.push(kind);
  }

  /** A node or a handle. */
  addFlat(): void {
    const random = this.#random;
    const known = random.maybe(this.#party.handles);
    const isWeak = random.one(3);
    if (random.one(60)) return this.#add('unknown', unknownObject, 'unknown');
    if (known !== undefined && random.one(2)) {
      const handle = random.one(20) ? random.below(5) : known.handle;
      const make = isWeak ? weakHandle : strongHandle;
      const object = make(handle, ownerFlags(handle === known.handle ? known.owner : -1));
      return this.#add(isWeak ? 'WEAK_HANDLE' : 'HANDLE', object, `${make.name}(${handle})`);
    }
    const ptr = random.below(6);
    const cookie = random.one(40) ? 99 : ptr + 100;
    const make = isWeak ? weakBinder : strongBinder;
    const accepts = ptr % 3 === 2 ? 0 : FLAT_BINDER_FLAG_ACCEPTS_FDS;
    const labels = ptr === 5 && this.#asksLabels ? FLAT_BINDER_FLAG_TXN_SECURITY_CTX : 0;
    const object = make(ptr, cookie, ownerFlags(this.#party.index) | accepts | labels);
    this.#add(isWeak ? 'WEAK_BINDER' : 'BINDER', object, `${make.name}(${ptr},${cookie})`);
  }

  async addFile(): Promise<void> {
    const fd = this.#random.one(20) ? NO_FILE : await this.#file();
    this.#add('FD', descriptor(fd), fd === NO_FILE ? 'badDescriptor' : 'descriptor');
  }

  async #file(): Promise<number> {
    const { files, actor, name } = this.#party;
    if (files.length < MOST_FILES && this.#random.one(2)) {
      files.push(await actor.peer.openFile(`${name}${files.length}`));
      return files.at(-1) as number;
    }
    return this.#random.maybe(files) ?? NO_FILE;
  }

  /** Buffers, some of which point to others or hold descriptors. */
  async addBuffers(sendsFiles: boolean): Promise<void> {
    const random = this.#random;
    this.#space = 0;
    for (let count = 1 + random.below(3); count > 0; count--) {
      const isArray = sendsFiles && random.one(2);
      const own = this.#objects.length;
      const start = random.below(2);
      const number = start === 0 ? random.below(3) : 1;
      const length = isArray ? 8 : random.pick([8, 16, 24, 32, 32, 5, 0]);
      const content = isArray ? await this.#slots(start, number) : bytes(length, random.below(200));
      const isNowhere = random.one(40);
      const address = isNowhere ? NOWHERE : await this.#party.actor.peer.place(content);
      const parent = this.#kinds.includes('PTR') && random.one(2) ? this.#parent(own - 1) : undefined;
      const at = parent ? ` in ${parent.parent}+${parent.parentOffset}` : '';
      this.#add('PTR', buffer(address, length, parent), `buffer(${isNowhere ? 'nowhere' : length}${at})`);
      this.#space += Math.ceil(length / 8) * 8;
      if (!isArray) continue;
      const where = { parent: own, parentOffset: 4 * start };
      // None is taken where the array is too long.
      const claimed = random.one(20) ? 2 ** 40 : number;
      const text = `descriptorArray(${claimed} in ${where.parent}+${where.parentOffset})`;
      this.#add('FDA', descriptorArray(claimed, where), text);
    }
    if (random.one(12)) this.#space = 4 * random.below(12);
  }

  /** Two slots for descriptors, of which some have one. */
  async #slots(start: number, number: number): Promise<Uint8Array> {
    const slots = [1, 1];
    for (let i = start; i < start + number; i++) slots[i] = await this.#file();
    return u32s(...slots);
  }

  #parent(last: number): Parent {
    const random = this.#random;
    const parent = random.one(8) ? random.below(5) : Math.max(0, this.#kinds.lastIndexOf('PTR', last));
    if (random.one(6)) return { parent, parentOffset: random.pick([0, 4, 8, 16, 24]) };
    // Behind what the same buffer was given before.
    const parentOffset = this.#filled.get(parent) ?? 0;
    this.#filled.set(parent, parentOffset + 8);
    return { parent, parentOffset };
  }

  finish(): Draft {
    const random = this.#random;
    const parts = [bytes(this.#size, random.below(200)), ...this.#objects];
    const words = [`${this.#size} bytes`, ...this.#words];
    let flags = 0;
    if (random.one(6)) flags |= TF_CLEAR_BUF;
    if (random.one(2)) flags |= TF_ACCEPT_FDS;
    if (flags !== 0) words.push(`flags ${flags}`);
    let message: Message = { code: random.below(4), flags, parts };
    if (this.#space !== undefined) {
      words.push(`buffers ${this.#space}`);
      message = { ...message, buffersSize: this.#space };
    }
    const slip = random.one(25) ? random.pick(this.#slips()) : null;
    if (slip) words.push(JSON.stringify(slip));
    const text = `code ${message.code} ${words.join(' ')}`;
    return { message: { ...message, ...slip }, text, kinds: this.#kinds };
  }

  /** What senders get wrong. */
  #slips(): Partial<Message>[] {
    const first = this.#size;
    return [
      { buffer: NOWHERE, dataSize: Math.max(8, first) },
      { offsets: NOWHERE, offsetsSize: 8 },
      { offsetsSize: 4 },
      { offsetList: [first, first] },
      { offsetList: [first + 24, first] },
      { offsetList: [first + 2] },
      { offsetList: [first + 100_000] },
      { dataSize: 2 ** 40 },
      { dataSize: Math.max(0, first - 4) },
    ];
  }
}
