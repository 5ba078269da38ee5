import {
  BC_ACQUIRE_RESULT,
  BC_ATTEMPT_ACQUIRE,
  BC_CLEAR_FREEZE_NOTIFICATION,
  BC_EXIT_LOOPER,
  BC_FREEZE_NOTIFICATION_DONE,
  BC_REQUEST_FREEZE_NOTIFICATION,
  BINDER_ENABLE_ONEWAY_SPAM_DETECTION,
  BINDER_FREEZE,
  BINDER_GET_FROZEN_INFO,
  BINDER_GET_NODE_DEBUG_INFO,
  BINDER_GET_NODE_INFO_FOR_REF,
  BINDER_SET_CONTEXT_MGR,
  TF_CLEAR_BUF,
  TF_ONE_WAY,
  TF_UPDATE_TXN,
} from '../../src/abi/binder.ts';
import type { DecodedCommand } from '../../src/abi/commands.ts';
import {
  flatBinderObject,
  freezeInfo,
  frozenStatusInfo,
  nodeDebugInfo,
  nodeInfoForRef,
} from '../../src/abi/structs.ts';
import {
  Actor,
  errnoName,
  READ_SIZE,
  type Sleeper,
  type WriteReadOutcome,
  type WriteReadRequest,
} from '../support/actor.ts';
import {
  acquire,
  acquireDone,
  bytes,
  type Command,
  call,
  clearDeath,
  command,
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
import type { Peer, World } from '../support/world.ts';

// A conversation that a seed makes up, for comparing drivers: the same seed asks every driver the same questions as
// long as the answers are the same. Addresses are told relative to the mapping, processes by their names.
//
// Nothing is left to the scheduler: one ioctl ends or falls asleep before the next begins. Where a command wakes a
// sleeper, the kernel's driver lets it run beside the commands that follow; so while somebody sleeps, commands come one by
// one, and who was woken reads on until it has a call, an answer or nothing more: what one read tells at once and another
// in two then makes no difference.

/** How long a conversation is. */
export const STEPS = 100;

const NAMES = ['a', 'b', 'c'];
/** After these a thread has something to do before it reads on. */
const ENDS_A_READ = /^BR_(TRANSACTION|REPLY|FAILED_REPLY|DEAD_REPLY|FROZEN_REPLY)$/;
const ENDS_A_CALL = /^BR_(REPLY|FAILED_REPLY|DEAD_REPLY|FROZEN_REPLY)$/;
const RARE_COMMANDS = [
  ['attemptAcquire', BC_ATTEMPT_ACQUIRE, { priority: 0, handle: 0 }],
  ['acquireResult', BC_ACQUIRE_RESULT, { result: 0 }],
  ['exitLooper', BC_EXIT_LOOPER, undefined],
] as const;
const MAP = 8192;

const requestFreeze = (handle: number, cookie: number) =>
  command(BC_REQUEST_FREEZE_NOTIFICATION, { handle, cookie });
const clearFreeze = (handle: number, cookie: number) =>
  command(BC_CLEAR_FREEZE_NOTIFICATION, { handle, cookie });
const freezeDone = (cookie: number) => command(BC_FREEZE_NOTIFICATION_DONE, { cookie });

/** The seeds of the steps of a conversation. A step depends on its own alone, so that others can be left out. */
export function stepsOf(seed: number, count = STEPS): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.below(2 ** 32));
}

/** Carries out steps by their seeds. @returns what was asked and answered, a line each. */
export async function converse(world: World, steps: readonly number[]): Promise<string[]> {
  const conversation = new Conversation(world);
  for (const step of steps) await conversation.step(step);
  return conversation.lines;
}

/** A process, and what it knows from what it was told. */
interface Party {
  readonly name: string;
  readonly isManager: boolean;
  /** Its reads sleep. */
  readonly isBlocking: boolean;
  readonly threads: Actor[];
  /** Whether each thread waits for the reply to a call. */
  readonly calling: boolean[];
  /** The reads in which its threads sleep. */
  readonly sleepers: (Sleeper | null)[];
  /** How many calls each thread serves. */
  readonly serving: number[];
  /** As often as they were received, so the usual ones are used most. */
  readonly handles: number[];
  /** Offsets in the mapping. */
  readonly buffers: number[];
  readonly announced: { readonly name: string; readonly ptr: number; readonly cookie: number }[];
  readonly deaths: number[];
  readonly frozen: number[];
}

class Conversation {
  readonly lines: string[] = [];
  readonly #world: World;
  #random = new Random(0);
  readonly #parties = new Map<string, Party>();

  constructor(world: World) {
    this.#world = world;
  }

  async step(seed: number): Promise<void> {
    const random = new Random(seed);
    this.#random = random;
    const party = await this.#party(random.pick(NAMES));
    const index = random.below(party.threads.length);
    if (party.sleepers[index]) await this.#disturb(party, index);
    else await this.#act(party, index);
    await this.#hearWoken();
  }

  /** What can happen to a thread that sleeps. */
  async #disturb(party: Party, index: number): Promise<void> {
    const random = this.#random;
    if (random.one(8) && this.#world.abilities.has('interrupt')) {
      this.lines.push(`${party.name}${index} is interrupted`);
      await (party.threads[index] as Actor).thread.interrupt();
    } else if (random.one(50)) {
      await this.#end(party, 'is killed', (peer) => peer.kill());
    }
  }

  async #act(party: Party, index: number): Promise<void> {
    const random = this.#random;
    const actor = party.threads[index] as Actor;
    const who = `${party.name}${index}`;
    const kind = random.below(100);
    if (kind < 58) {
      const commands: Command[] = [];
      const words: string[] = [];
      const most = this.#sleepers().length > 0 ? 1 : 3;
      for (let count = 1 + random.below(most); count > 0; count--) {
        const { command, text } = this.#command(party, index);
        commands.push(command);
        words.push(text);
      }
      // Another thread of this process may be woken: which of the two reads first would be chance.
      const isRace = party.sleepers.some((sleeper) => sleeper !== null);
      const readSize = random.one(3) || isRace ? 0 : READ_SIZE;
      const question = `${who} writes ${words.join(', ')}${readSize ? ' and reads' : ''}`;
      await this.#writeRead(party, index, question, { commands, readSize });
    } else if (kind < 84) {
      // Two that wait for their process's work would race for it; who waits for a reply takes none.
      const isRace = party.sleepers.some((sleeper, other) => sleeper && !party.calling[other]);
      if (isRace && !party.calling[index]) return;
      const readSize = random.pick([READ_SIZE, READ_SIZE, READ_SIZE, 80, 84, 100, 79, 4]);
      // Where it began behind its end, the kernel driver would write past the end.
      const readConsumed = readSize > 79 && random.one(15) ? 12 : 0;
      const question = `${who} reads ${readSize - readConsumed}`;
      await this.#writeRead(party, index, question, { readSize, readConsumed });
    } else if (kind < 87) {
      this.lines.push(`${who} polls: ${await actor.poll()}`);
    } else if (kind < 90) {
      this.lines.push(`${who} error: ${(await actor.extendedError()).text}`);
    } else if (kind < 91) {
      party.serving[index] = 0;
      party.calling[index] = false;
      await actor.exit();
      this.lines.push(`${who} exits`);
    } else if (kind < 92) {
      await actor.peer.closeDuplicate();
      this.lines.push(`${who} closes a duplicate`);
    } else if (kind < 94) {
      // A descriptor cannot be closed for good while a thread is in the driver.
      if (party.sleepers.every((sleeper) => !sleeper))
        await this.#end(party, 'closes', (peer) => peer.close());
    } else if (kind < 95) {
      if (random.one(6)) await this.#end(party, 'is killed', (peer) => peer.kill());
    } else if (kind < 96) {
      this.lines.push(
        `${who} manages: ${errnoName(await actor.thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4)))}`,
      );
    } else if (kind < 99) {
      await this.#freeze(actor, who);
    } else {
      await this.#ask(actor, who);
    }
  }

  /** Ioctls that tell of counts. */
  async #ask(actor: Actor, who: string): Promise<void> {
    const random = this.#random;
    if (random.one(2)) {
      const argument = nodeDebugInfo.bytes({ ptr: random.below(6) });
      const info = nodeDebugInfo.decode(await actor.ioctl(BINDER_GET_NODE_DEBUG_INFO, argument));
      this.lines.push(`${who} node ${Object.values(info).join(' ')}`);
      return;
    }
    const argument = nodeInfoForRef.bytes({ handle: random.below(4) });
    const errno = errnoName(await actor.thread.ioctl(BINDER_GET_NODE_INFO_FOR_REF, argument));
    const info = nodeInfoForRef.decode(new DataView(argument.buffer));
    this.lines.push(`${who} ref ${errno} ${Object.values(info).join(' ')}`);
  }

  /** A process goes, and what it slept in with it. */
  async #end(party: Party, how: string, go: (peer: Peer) => Promise<void>): Promise<void> {
    this.#parties.delete(party.name);
    await go((party.threads[0] as Actor).peer);
    this.lines.push(`${party.name} ${how}`);
  }

  async #writeRead(party: Party, index: number, question: string, request: WriteReadRequest): Promise<void> {
    const actor = party.threads[index] as Actor;
    if (!party.isBlocking) return this.#tell(party, index, question, await actor.writeRead(request));
    const sleeper = await actor.start(request);
    if (!sleeper.isAsleep) return this.#tell(party, index, question, await sleeper.outcome);
    party.sleepers[index] = sleeper;
    this.lines.push(`${question}: sleeps`);
  }

  #sleepers(): Sleeper[] {
    return [...this.#parties.values()].flatMap(({ sleepers }) =>
      sleepers.filter((sleeper) => sleeper !== null),
    );
  }

  /** Lets those who were woken tell what they read, and read on. */
  async #hearWoken(): Promise<void> {
    await this.#world.settle();
    for (const party of [...this.#parties.values()]) {
      for (const [index, sleeper] of party.sleepers.entries()) {
        if (sleeper && !sleeper.isAsleep) await this.#hearOut(party, index, sleeper);
      }
    }
  }

  async #hearOut(party: Party, index: number, sleeper: Sleeper): Promise<void> {
    const words: string[] = [];
    const actor = party.threads[index] as Actor;
    party.sleepers[index] = null;
    let { errno, commands } = await sleeper.outcome;
    for (;;) {
      for (const command of commands) {
        const word = await this.#hear(party, index, command);
        if (word !== 'NOOP') words.push(word);
      }
      if (errno !== '0' || commands.some(({ name }) => ENDS_A_READ.test(name))) break;
      const again = await actor.start({ readSize: READ_SIZE });
      if (again.isAsleep) {
        party.sleepers[index] = again;
        words.push('and sleeps');
        break;
      }
      ({ errno, commands } = await again.outcome);
    }
    this.lines.push(`${party.name}${index} wakes: ${[errno, ...words].join(' ')}`);
  }

  /** The first to open becomes context manager, and so does who finds that there is none. */
  async #party(name: string): Promise<Party> {
    let party = this.#parties.get(name);
    if (!party) {
      const isBlocking = this.#random.one(3);
      const first = await Actor.open(this.#world, name, { map: MAP, nonBlocking: !isBlocking });
      const second = await first.another('second');
      const result = await first.thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
      party = {
        name,
        isManager: result === 0,
        isBlocking,
        threads: [first, second],
        calling: [false, false],
        sleepers: [null, null],
        serving: [0, 0],
        handles: [],
        buffers: [],
        announced: [],
        deaths: [],
        frozen: [],
      };
      this.#parties.set(name, party);
      await first.setMaxThreads(this.#random.below(3));
      const detectsSpam = this.#random.one(2);
      await first.ioctl(BINDER_ENABLE_ONEWAY_SPAM_DETECTION, Uint8Array.of(Number(detectsSpam), 0, 0, 0));
      this.lines.push(`${name} opens${isBlocking ? ' to sleep' : ''}: ${errnoName(result)}`);
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
    switch (random.below(25)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const { message, text } = this.#message(party);
        party.calling[index] = true;
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
      case 20:
      case 21: {
        const cookie = handle % 3;
        if (random.one(3))
          return { command: clearFreeze(handle, cookie), text: `clearFreeze(${handle},${cookie})` };
        return { command: requestFreeze(handle, cookie), text: `requestFreeze(${handle},${cookie})` };
      }
      case 22: {
        const cookie = party.frozen.pop() ?? random.below(3);
        return { command: freezeDone(cookie), text: `freezeDone(${cookie})` };
      }
      case 23: {
        if (!random.one(6)) return { command: enterLooper, text: 'enterLooper' };
        const [name, code, payload] = random.pick(RARE_COMMANDS);
        return { command: command(code, payload), text: name };
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
    const size = random.pick([0, 0, 4, 8, 60, 200, 1000, 3000, 5000]);
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
    if (ENDS_A_CALL.test(name)) party.calling[index] = false;
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

/** A conversation as text: a heading with its name, and the seeds of its steps where the name does not say them. */
export interface RecordedConversation {
  /** A seed, whose {@link stepsOf} are its steps. */
  readonly name: string;
  readonly steps: readonly number[];
  readonly lines: readonly string[];
}

/** The heading of a recorded conversation: `== 17`, or `== 17 of 81,92,77` with the seeds of the steps that are left. */
export function heading(name: string, steps?: readonly number[]): string {
  return steps ? `== ${name} of ${steps.join(',')}` : `== ${name}`;
}

/** Reads recorded conversations, each of which begins with a {@link heading}. */
export function parseConversations(text: string): RecordedConversation[] {
  return text
    .split(/^== /m)
    .slice(1)
    .map((part) => {
      const [head = '', ...lines] = part.trimEnd().split('\n');
      const [name = '', list] = head.split(' of ');
      return { name, steps: list ? list.split(',').map(Number) : stepsOf(Number(name)), lines };
    });
}
