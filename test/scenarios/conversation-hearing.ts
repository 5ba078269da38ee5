import { TF_ONE_WAY } from '../../src/abi/binder.ts';
import type { DecodedCommand } from '../../src/abi/commands.ts';
import { bufferObject, fdArrayObject, fdObject, flatBinderObject } from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import { ownerIn } from './conversation-message.ts';
import type { Party, Voice } from './conversation-party.ts';

/** The members of BR_TRANSACTION, BR_TRANSACTION_SEC_CTX and BR_REPLY that are numbers here. */
interface Fields {
  readonly targetPtr: number;
  readonly cookie: number;
  readonly code: number;
  readonly flags: number;
  readonly senderPid: number;
  readonly senderEuid: number;
  readonly buffer: number;
  readonly dataSize: number;
  readonly offsets: number;
  readonly offsetsSize: number;
  readonly secctx?: number;
}

/** Who has this process id. */
export type NameOf = (pid: number) => string;
/** Told of each kind of object that arrived. */
export type OnObject = (kind: string) => void;

const ENDS_A_CALL = /^BR_(REPLY|FAILED_REPLY|DEAD_REPLY|FROZEN_REPLY)$/;
/** A label does not cross the end of its page, nor does looking for its end. */
const PAGE = 4096;
const LABEL = 24;

/** Writes down a command that `voice` of `party` read, and what the party learns from it. */
export async function hear(
  party: Party,
  voice: Voice,
  command: DecodedCommand,
  nameOf: NameOf,
  onObject: OnObject,
): Promise<string> {
  const { name, ptr, cookie } = command as { name: string; ptr?: number; cookie?: number };
  const short = name.replace('BR_', '');
  if (ENDS_A_CALL.test(name)) voice.isCalling = false;
  switch (name) {
    case 'BR_INCREFS':
    case 'BR_ACQUIRE':
      party.announced.push({ name, ptr: ptr ?? 0, cookie: cookie ?? 0 });
      return `${short}(${ptr})`;
    case 'BR_RELEASE':
    case 'BR_DECREFS':
      return `${short}(${ptr})`;
    case 'BR_DEAD_BINDER':
      party.deaths.push(cookie ?? 0);
      return `${short}(${cookie})`;
    case 'BR_FROZEN_BINDER': {
      party.frozen.push(cookie ?? 0);
      return `${short}(${cookie},${(command as unknown as { isFrozen: number }).isFrozen})`;
    }
    case 'BR_CLEAR_FREEZE_NOTIFICATION_DONE':
    case 'BR_CLEAR_DEATH_NOTIFICATION_DONE':
      return `${short}(${cookie})`;
    case 'BR_TRANSACTION':
    case 'BR_TRANSACTION_SEC_CTX': {
      const fields = command as unknown as Fields;
      if ((fields.flags & TF_ONE_WAY) === 0) voice.serving++;
      return new Message(party, fields, onObject).tell(short, nameOf);
    }
    case 'BR_REPLY':
      return new Message(party, command as unknown as Fields, onObject).tell(short, nameOf);
    default:
      return short;
  }
}

/** A message as it arrived, being looked at. */
class Message {
  readonly #party: Party;
  readonly #fields: Fields;
  readonly #onObject: OnObject;
  /** Bytes that differ from world to world: objects, and what was patched into buffers. */
  readonly #masks: { readonly address: number; readonly length: number }[] = [];
  readonly #buffers: { readonly address: number; readonly length: number }[] = [];
  readonly #texts: string[] = [];
  readonly #offsets: number[] = [];

  constructor(party: Party, fields: Fields, onObject: OnObject) {
    this.#party = party;
    this.#fields = fields;
    this.#onObject = onObject;
  }

  async tell(short: string, nameOf: NameOf): Promise<string> {
    const { buffer, dataSize, offsets, offsetsSize, targetPtr, cookie, code, flags, senderPid, senderEuid } =
      this.#fields;
    const { peer } = this.#party.actor;
    const at = buffer - peer.mapping;
    this.#party.buffers.push(at);
    const data = await peer.received(buffer, dataSize);
    const list = await peer.received(offsets, offsetsSize);
    const words = new DataView(list.buffer, list.byteOffset, list.byteLength);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let i = 0; i < list.length; i += 8) this.#offsets.push(Number(words.getBigUint64(i, true)));
    for (const offset of this.#offsets) await this.#object(view, offset, buffer);
    const from = senderPid === 0 ? '-' : nameOf(senderPid);
    const hashes = [this.#hash(buffer, data)];
    for (const { address, length } of this.#buffers)
      hashes.push(this.#hash(address, await peer.received(address, length)));
    const head = `${targetPtr},${cookie} code ${code} flags ${flags} from ${from} ${senderEuid}`;
    const place = `@${at}+${dataSize}+${offsets - buffer}:${offsetsSize}`;
    const label = await this.#label();
    return `${short}(${[head, place, 'raw', ...hashes, ...this.#texts, ...label].join(' ')})`;
  }

  /** The label behind the data, and where it is. */
  async #label(): Promise<string[]> {
    const { secctx, buffer } = this.#fields;
    if (secctx === undefined) return [];
    const length = Math.min(LABEL, PAGE - (secctx % PAGE));
    const found = await this.#party.actor.peer.received(secctx, length);
    const text = new TextDecoder('latin1').decode(found).split('\0')[0];
    return [`label@${secctx - buffer}(${text})`];
  }

  async #object(view: DataView, offset: number, buffer: number): Promise<void> {
    const party = this.#party;
    const type = view.getUint32(offset, true);
    const letters = String.fromCharCode(type >>> 24, (type >>> 16) & 0xff, (type >>> 8) & 0xff);
    const mask = (length: number) => this.#masks.push({ address: buffer + offset, length });
    const text = (...values: (U64 | string)[]) =>
      this.#texts.push(`${letters}@${offset}(${values.join(',')})`);
    switch (letters) {
      case 'fd*': {
        const { fd, padBinder, cookie } = fdObject.decode(view, offset);
        mask(24);
        party.files.push(fd);
        this.#onObject('FD');
        const upper = BigInt(padBinder) - BigInt(fd);
        return void text(`${await party.actor.peer.fileContent(fd)}`, upper, cookie);
      }
      case 'fda': {
        const { numFds, parent, parentOffset } = fdArrayObject.decode(view, offset);
        const start = this.#bufferAt(Number(parent), view) + Number(parentOffset);
        const slots = await party.actor.peer.received(start, 4 * Number(numFds));
        const fds = [...new Uint32Array(slots.slice().buffer)];
        const contents = [];
        for (const fd of fds) contents.push(await party.actor.peer.fileContent(fd));
        mask(32);
        this.#masks.push({ address: start, length: slots.length });
        this.#onObject('FDA');
        return void text(`${contents.join('+')}`, parent, parentOffset);
      }
      case 'pt*': {
        const { buffer: at, length, flags, parent, parentOffset } = bufferObject.decode(view, offset);
        const address = Number(at);
        mask(40);
        if (flags !== 0) {
          const where = this.#bufferAt(Number(parent), view) + Number(parentOffset);
          this.#masks.push({ address: where, length: 8 });
          const pointer = await party.actor.peer.received(where, 8);
          const value = new DataView(pointer.buffer, pointer.byteOffset).getBigUint64(0, true);
          this.#texts.push(value === BigInt(at) ? 'patched' : 'unpatched');
        }
        this.#buffers.push({ address, length: Number(length) });
        this.#onObject('PTR');
        return void text(address - buffer, length, flags, parent, parentOffset);
      }
      default: {
        const { flags, binder, handle, cookie } = flatBinderObject.decode(view, offset);
        mask(24);
        const kind = letters.endsWith('h*') ? 'HANDLE' : 'BINDER';
        this.#onObject(letters.startsWith('w') ? `WEAK_${kind}` : kind);
        if (kind === 'HANDLE') {
          party.handles.push({ handle, owner: ownerIn(flags) });
          if (letters.startsWith('s')) party.fresh.push(handle);
        }
        text(binder, cookie, flags);
      }
    }
  }

  /** The address in the n-th object, which is a buffer. */
  #bufferAt(index: number, view: DataView): number {
    return Number(bufferObject.decode(view, this.#offsets[index] ?? 0).buffer);
  }

  #hash(start: number, found: Uint8Array): number {
    const data = found.slice();
    for (const { address, length } of this.#masks) {
      const from = Math.max(0, address - start);
      const to = Math.min(data.length, address + length - start);
      if (from < to) data.fill(0, from, to);
    }
    let hash = 0;
    for (const byte of data) hash = (hash * 31 + byte) >>> 0;
    return hash;
  }
}
