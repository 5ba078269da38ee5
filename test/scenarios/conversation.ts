import {
  BINDER_FREEZE,
  BINDER_GET_FROZEN_INFO,
  BINDER_GET_NODE_DEBUG_INFO,
  BINDER_SET_CONTEXT_MGR,
  TF_CLEAR_BUF,
  TF_ONE_WAY,
  TF_UPDATE_TXN,
} from '../../src/abi/binder.ts';
import type { DecodedCommand } from '../../src/abi/commands.ts';
import { flatBinderObject, freezeInfo, frozenStatusInfo, nodeDebugInfo } from '../../src/abi/structs.ts';
import { Actor, errnoName, READ_SIZE, type WriteReadOutcome } from '../support/actor.ts';
import {
  acquire,
  acquireDone,
  bytes,
  type Command,
  call,
  clearDeath,
  type DataObject,
  deadBinderDone,
  decrefs,
  enterLooper,
  freeBuffer,
  increfs,
  increfsDone,
  type Message,
  oneway,
  registerLooper,
  release,
  reply,
  requestDeath,
  strongBinder,
  strongHandle,
  weakBinder,
  weakHandle,
} from '../support/commands.ts';
import { Random } from '../support/random.ts';
import type { World } from '../support/world.ts';

// A conversation that a seed makes up, for comparing drivers: the same seed asks every driver the same questions as
// long as the answers are the same. Nobody sleeps and one ioctl ends before the next begins, so nothing is left to
// the scheduler. Addresses are told relative to the mapping, processes by their names.

/** How many conversations are recorded, and how long they are. */
export const CONVERSATIONS = 24;
export const STEPS = 100;

const NAMES = ['a', 'b', 'c'];
const MAP = 8192;

/** Carries out `steps` steps. @returns what was asked and answered, a line each. */
export async function converse(world: World, seed: number, steps: number): Promise<string[]> {
  const conversation = new Conversation(world, seed);
  for (let i = 0; i < steps; i++) await conversation.step();
  return conversation.lines;
}

/** A process, and what it knows from what it was told. */
interface Party {
  readonly name: string;
  readonly isManager: boolean;
  readonly threads: Actor[];
  /** How many calls each thread serves. */
  readonly serving: number[];
  /** As often as they were received, so the usual ones are used most. */
  readonly handles: number[];
  /** Offsets in the mapping. */
  readonly buffers: number[];
  readonly announced: { readonly name: string; readonly ptr: number; readonly cookie: number }[];
  readonly deaths: number[];
}

class Conversation {
  readonly lines: string[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #parties = new Map<string, Party>();

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = new Random(seed);
  }

  async step(): Promise<void> {
    const random = this.#random;
    const party = await this.#party(random.pick(NAMES));
    const index = random.below(party.threads.length);
    const actor = party.threads[index] as Actor;
    const who = `${party.name}${index}`;
    const kind = random.below(100);
    if (kind < 58) {
      const commands: Command[] = [];
      const words: string[] = [];
      for (let count = 1 + random.below(3); count > 0; count--) {
        const { command, text } = this.#command(party, index);
        commands.push(command);
        words.push(text);
      }
      const readSize = random.one(3) ? 0 : READ_SIZE;
      const outcome = await actor.writeRead({ commands, readSize });
      await this.#tell(
        party,
        index,
        `${who} writes ${words.join(', ')}${readSize ? ' and reads' : ''}`,
        outcome,
      );
    } else if (kind < 84) {
      const readSize = random.pick([READ_SIZE, READ_SIZE, READ_SIZE, 80, 84, 100, 79, 4]);
      // Where it began behind its end, the kernel driver would write past the end.
      const readConsumed = readSize > 79 && random.one(15) ? 12 : 0;
      const outcome = await actor.writeRead({ readSize, readConsumed });
      await this.#tell(party, index, `${who} reads ${readSize - readConsumed}`, outcome);
    } else if (kind < 87) {
      this.lines.push(`${who} polls: ${await actor.poll()}`);
    } else if (kind < 90) {
      this.lines.push(`${who} error: ${(await actor.extendedError()).text}`);
    } else if (kind < 91) {
      party.serving[index] = 0;
      await actor.exit();
      this.lines.push(`${who} exits`);
    } else if (kind < 92) {
      await actor.peer.closeDuplicate();
      this.lines.push(`${who} closes a duplicate`);
    } else if (kind < 95) {
      this.#parties.delete(party.name);
      await actor.close();
      this.lines.push(`${party.name} closes`);
    } else if (kind < 96) {
      this.lines.push(
        `${who} manages: ${errnoName(await actor.thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4)))}`,
      );
    } else if (kind < 99) {
      await this.#freeze(actor, who);
    } else {
      const argument = nodeDebugInfo.bytes({ ptr: random.below(6) });
      const info = nodeDebugInfo.decode(await actor.ioctl(BINDER_GET_NODE_DEBUG_INFO, argument));
      this.lines.push(`${who} node ${Object.values(info).join(' ')}`);
    }
  }

  /** The first to open becomes context manager, and so does who finds that there is none. */
  async #party(name: string): Promise<Party> {
    let party = this.#parties.get(name);
    if (!party) {
      const first = await Actor.open(this.#world, name, { map: MAP });
      const second = await first.another('second');
      const result = await first.thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
      party = {
        name,
        isManager: result === 0,
        threads: [first, second],
        serving: [0, 0],
        handles: [],
        buffers: [],
        announced: [],
        deaths: [],
      };
      this.#parties.set(name, party);
      await first.setMaxThreads(this.#random.below(3));
      this.lines.push(`${name} opens: ${errnoName(result)}`);
      if (this.#random.one(2)) await first.write(enterLooper);
    }
    return party;
  }

  async #freeze(actor: Actor, who: string): Promise<void> {
    const name = this.#random.pick(NAMES);
    const pid = this.#parties.get(name)?.threads[0]?.pid;
    if (pid === undefined) return;
    const enable = this.#random.below(2);
    const result = await actor.thread.ioctl(BINDER_FREEZE, freezeInfo.bytes({ pid, enable }));
    const view = await actor.ioctl(BINDER_GET_FROZEN_INFO, frozenStatusInfo.bytes({ pid }));
    const { syncRecv, asyncRecv } = frozenStatusInfo.decode(view);
    this.lines.push(`${who} freezes ${name} ${enable}: ${errnoName(result)} ${syncRecv} ${asyncRecv}`);
  }

  #command(party: Party, index: number): { command: Command; text: string } {
    const random = this.#random;
    const held = random.maybe(party.handles);
    const handle = random.one(10) ? random.below(5) : (held ?? 0);
    if ((party.serving[index] ?? 0) > 0 && random.one(3)) {
      party.serving[index] = 0;
      const { message, text } = this.#message(party);
      return { command: reply(message), text: `reply(${text})` };
    }
    // A manager that knows nobody has nobody to call.
    if (party.isManager && held === undefined && random.one(2))
      return { command: enterLooper, text: 'enterLooper' };
    const known = random.maybe(party.announced);
    if (known && random.one(2)) {
      party.announced.splice(party.announced.indexOf(known), 1);
      const done = known.name === 'BR_INCREFS' ? increfsDone : acquireDone;
      return { command: done(known.ptr, known.cookie), text: `${done.name}(${known.ptr})` };
    }
    switch (random.below(21)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const { message, text } = this.#message(party);
        return { command: call(handle, message), text: `call(${handle}${text})` };
      }
      case 4:
      case 5:
      case 6:
      case 7: {
        const { message, text } = this.#message(party);
        const flags = (message.flags ?? 0) | (random.one(5) ? TF_UPDATE_TXN : 0);
        return { command: oneway(handle, { ...message, flags }), text: `oneway(${handle}${text})` };
      }
      case 8: {
        const { message, text } = this.#message(party);
        return { command: reply(message), text: `reply(${text})` };
      }
      case 9:
      case 10:
      case 11: {
        const offset = random.one(10) ? 8 * random.below(40) : random.maybe(party.buffers);
        if (offset === undefined) return { command: enterLooper, text: 'enterLooper' };
        const at = party.buffers.indexOf(offset);
        if (at >= 0) party.buffers.splice(at, 1);
        const base = party.threads[0]?.peer.mapping ?? 0;
        return { command: freeBuffer(base + offset), text: `free(${offset})` };
      }
      case 12:
      case 13:
      case 14:
      case 15: {
        const change = random.pick([increfs, acquire, acquire, acquire, release, decrefs]);
        return { command: change(handle), text: `${change.name}(${handle})` };
      }
      case 16:
      case 17:
      case 18:
      case 19: {
        const cookie = handle % 3;
        if (random.one(5))
          return { command: clearDeath(handle, cookie), text: `clearDeath(${handle},${cookie})` };
        return { command: requestDeath(handle, cookie), text: `requestDeath(${handle},${cookie})` };
      }
      default: {
        if (random.one(3)) return { command: registerLooper, text: 'registerLooper' };
        const cookie = party.deaths.pop() ?? random.below(3);
        return { command: deadBinderDone(cookie), text: `deadBinderDone(${cookie})` };
      }
    }
  }

  #message(party: Party): { message: Message; text: string } {
    const random = this.#random;
    const size = random.pick([0, 0, 4, 8, 60, 200, 1000, 3000]);
    const parts: (Uint8Array | DataObject)[] = [bytes(size, random.below(200))];
    const words: string[] = [];
    for (let count = random.below(3); count > 0; count--) {
      const { object, text } = this.#object(party);
      parts.push(object);
      words.push(text);
    }
    const flags = random.one(6) ? TF_CLEAR_BUF : 0;
    const code = random.below(4);
    const sg = random.one(8) ? { buffersSize: 8 * random.below(20) } : {};
    const text = ` ${[`code ${code}`, `${size} bytes`, ...words].join(' ')}${flags ? ' clear' : ''}`;
    return { message: { code, flags, parts, ...sg }, text };
  }

  #object(party: Party): { object: DataObject; text: string } {
    const random = this.#random;
    const held = random.maybe(party.handles);
    if (held !== undefined && random.one(2)) {
      const handle = random.one(8) ? random.below(5) : held;
      const make = random.one(3) ? weakHandle : strongHandle;
      return { object: make(handle), text: `${make.name}(${handle})` };
    }
    const ptr = random.below(5);
    const cookie = random.one(25) ? 99 : ptr + 100;
    const make = random.one(3) ? weakBinder : strongBinder;
    return { object: make(ptr, cookie), text: `${make.name}(${ptr},${cookie})` };
  }

  /** Writes down an answer, and what the party learns from it. */
  async #tell(party: Party, index: number, question: string, outcome: WriteReadOutcome): Promise<void> {
    const { errno, writeConsumed, readConsumed, commands } = outcome;
    const words: string[] = [];
    for (const command of commands) words.push(await this.#hear(party, index, command));
    this.lines.push(`${question}: ${errno} ${writeConsumed} ${readConsumed} ${words.join(' ')}`.trimEnd());
  }

  async #hear(party: Party, index: number, command: DecodedCommand): Promise<string> {
    const { name, ptr, cookie } = command as { name: string; ptr?: number; cookie?: number };
    const short = name.replace('BR_', '');
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
      case 'BR_CLEAR_DEATH_NOTIFICATION_DONE':
        return `${short}(${cookie})`;
      case 'BR_TRANSACTION': {
        const isCall = ((command as unknown as { flags: number }).flags & TF_ONE_WAY) === 0;
        if (isCall) party.serving[index] = (party.serving[index] ?? 0) + 1;
        return this.#receive(party, command);
      }
      case 'BR_REPLY':
        return this.#receive(party, command);
      default:
        return short;
    }
  }

  async #receive(party: Party, command: DecodedCommand): Promise<string> {
    const fields = command as unknown as Record<string, number>;
    const { buffer = 0, dataSize = 0, offsets = 0, offsetsSize = 0, targetPtr, cookie, code, flags } = fields;
    const peer = (party.threads[0] as Actor).peer;
    const at = buffer - peer.mapping;
    party.buffers.push(at);
    const data = await peer.received(buffer, dataSize);
    const list = await peer.received(offsets, offsetsSize);
    const words = new DataView(list.buffer, list.byteOffset, list.byteLength);
    const objects: string[] = [];
    let raw = 0;
    for (let i = 0; i < list.length; i += 8) {
      const offset = Number(words.getBigUint64(i, true));
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      const { type, flags, binder, handle, cookie } = flatBinderObject.decode(view, offset);
      const letters = String.fromCharCode(type >>> 24, (type >>> 16) & 0xff, (type >>> 8) & 0xff);
      objects.push(`${letters}@${offset}(${binder},${cookie},${flags})`);
      if (letters.endsWith('h*')) party.handles.push(handle);
      data.fill(0, offset, offset + 24);
    }
    for (const byte of data) raw = (raw * 31 + byte) >>> 0;
    const sender = [...this.#parties.values()].find(({ threads }) => threads[0]?.pid === fields.senderPid);
    const from = fields.senderPid === 0 ? '-' : (sender?.name ?? '?');
    const head = `${command.name.replace('BR_', '')}(${targetPtr},${cookie} code ${code} flags ${flags} from ${from}`;
    return `${head} @${at}+${dataSize}+${offsets - buffer}:${offsetsSize} raw ${raw} ${objects.join(' ')})`;
  }
}
