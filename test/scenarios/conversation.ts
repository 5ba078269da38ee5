import {
  BC_ACQUIRE_RESULT,
  BC_ATTEMPT_ACQUIRE,
  BC_CLEAR_FREEZE_NOTIFICATION,
  BC_EXIT_LOOPER,
  BC_FREEZE_NOTIFICATION_DONE,
  BC_REQUEST_FREEZE_NOTIFICATION,
  TF_UPDATE_TXN,
} from '../../src/abi/binder.ts';
import { BC_COMMANDS, type DecodedCommand } from '../../src/abi/commands.ts';
import { READ_SIZE, type Sleeper, type WriteReadOutcome, type WriteReadRequest } from '../support/actor.ts';
import {
  acquire,
  acquireDone,
  type Command,
  call,
  clearDeath,
  command,
  deadBinderDone,
  decrefs,
  enterLooper,
  freeBuffer,
  increfs,
  increfsDone,
  type Message,
  oneway,
  rawBytes,
  registerLooper,
  release,
  reply,
  requestDeath,
} from '../support/commands.ts';
import { Random } from '../support/random.ts';
import type { World } from '../support/world.ts';
import { hear } from './conversation-hearing.ts';
import { type Draft, draft, NOWHERE, type Styles } from './conversation-message.ts';
import { NAMES, type Name, openParty, type Party, type Voice } from './conversation-party.ts';
import { askAround, extendedError } from './conversation-questions.ts';
import { Tally } from './tally.ts';

// A conversation that a seed makes up, for comparing drivers: the same seed asks every driver the same questions as
// long as the answers are the same. Addresses are told relative to the mapping, processes by their names.
//
// Nothing is left to the scheduler: one ioctl ends or falls asleep before the next begins. Where a command wakes a
// sleeper, the kernel's driver lets it run beside the commands that follow; so while somebody sleeps, commands come one by
// one, and who was woken reads on until it has a call, an answer or nothing more: what one read tells at once and another
// in two then makes no difference.

/** After these a thread has something to do before it reads on. */
const ENDS_A_READ = /^BR_(TRANSACTION|TRANSACTION_SEC_CTX|REPLY|FAILED_REPLY|DEAD_REPLY|FROZEN_REPLY)$/;
const ENDS_A_CALL = /^BR_(REPLY|FAILED_REPLY|DEAD_REPLY|FROZEN_REPLY)$/;
const UNKNOWN_COMMAND = 0x4004_6340;
const RARE_COMMANDS = [
  ['attemptAcquire', BC_ATTEMPT_ACQUIRE, { priority: 0, handle: 0 }],
  ['acquireResult', BC_ACQUIRE_RESULT, { result: 0 }],
  ['exitLooper', BC_EXIT_LOOPER, undefined],
] as const;

const requestFreeze = (handle: number, cookie: number) =>
  command(BC_REQUEST_FREEZE_NOTIFICATION, { handle, cookie });
const clearFreeze = (handle: number, cookie: number) =>
  command(BC_CLEAR_FREEZE_NOTIFICATION, { handle, cookie });
const freezeDone = (cookie: number) => command(BC_FREEZE_NOTIFICATION_DONE, { cookie });

/** How a conversation may go. */
export interface Options extends Styles {
  readonly tally?: Tally;
}

/** Carries out steps by their seeds. @returns what was asked and answered, a line each. */
export async function converse(
  world: World,
  steps: readonly number[],
  options: Options = {},
): Promise<string[]> {
  const conversation = new Conversation(world, options);
  for (const step of steps) await conversation.step(step);
  return conversation.lines;
}

/** A command that is to be written, and how it is told. */
interface Written {
  readonly command: Command;
  readonly text: string;
  /** What counts once it was carried out, and what it changes in what its sender expects. */
  readonly name: string;
  readonly kinds?: readonly string[];
  readonly done?: () => void;
}

class Conversation {
  readonly lines: string[] = [];
  readonly #world: World;
  readonly #styles: Required<Styles>;
  readonly #tally: Tally;
  #random = new Random(0);
  readonly #parties = new Map<string, Party>();

  constructor(world: World, { sendsFiles = false, asksLabels = false, tally = new Tally() }: Options) {
    this.#world = world;
    this.#styles = { sendsFiles, asksLabels };
    this.#tally = tally;
  }

  async step(seed: number): Promise<void> {
    const random = new Random(seed);
    this.#random = random;
    const chosen = this.#choose();
    if (typeof chosen === 'string') await this.#open(chosen);
    else if (chosen.voice.sleeper) await this.#disturb(chosen.party, chosen.voice);
    else await this.#act(chosen.party, chosen.voice);
    await this.#hearWoken();
    this.#tally.step();
  }

  #say(line: string): void {
    this.lines.push(line);
  }

  /** Whose turn it is: more likely of those who have something to do. A name is of a process that is to be started. */
  #choose(): Name | { party: Party; voice: Voice } {
    const turns: (Name | { party: Party; voice: Voice })[] = [];
    for (const name of NAMES) {
      const party = this.#parties.get(name);
      if (!party) turns.push(name, name, name, name);
      for (const voice of party?.voices ?? []) {
        for (let weight = party?.weight(voice) ?? 0; weight > 0; weight--)
          turns.push({ party: party as Party, voice });
      }
    }
    return this.#random.pick(turns);
  }

  /** The first to open becomes context manager, and so does who finds that there is none. */
  async #open(name: Name): Promise<void> {
    const { party, lines } = await openParty(this.#world, name, this.#random, {
      isFirst: this.#parties.size === 0,
      asksLabels: this.#styles.asksLabels,
    });
    this.#parties.set(name, party);
    for (const line of lines) this.#say(line);
    this.#tally.add(party.isManager ? '0' : (/: (E\w+)/.exec(lines[0] ?? '')?.[1] ?? '0'));
  }

  /** What can happen to a thread that sleeps. */
  async #disturb(party: Party, voice: Voice): Promise<void> {
    if (this.#random.one(12)) {
      this.#tally.add('killed in its sleep');
      await this.#end(party, 'is killed');
    } else {
      this.#say(`${this.#who(party, voice)} is interrupted`);
      await voice.actor.thread.interrupt();
    }
  }

  #who(party: Party, voice: Voice): string {
    return `${party.name}${party.voices.indexOf(voice)}`;
  }

  async #act(party: Party, voice: Voice): Promise<void> {
    const random = this.#random;
    const isExpected = voice.mustRead || party.hasMail(voice);
    // Two that wait for their process's work would race for it; who waits for a reply takes none.
    const isRace = party.voices.some(({ sleeper, isCalling }) => sleeper && !isCalling) && !voice.isCalling;
    const kind = isExpected && !isRace && !random.one(6) ? 80 : random.below(100);
    if (kind < 79 || (kind < 82 && isRace)) return this.#write(party, voice);
    if (kind < 82) return this.#read(party, voice);
    const who = this.#who(party, voice);
    if (kind < 84) {
      voice.serving = 0;
      voice.isCalling = false;
      voice.mustRead = false;
      voice.hasEntered = false;
      await voice.actor.exit();
      this.#say(`${who} exits`);
    } else if (kind < 85) {
      await voice.actor.peer.closeDuplicate();
      this.#say(`${who} closes a duplicate`);
    } else if (kind < 87) {
      // A descriptor cannot be closed for good while a thread is in the driver.
      if (!party.isAsleep) await this.#end(party, 'closes');
    } else if (kind < 88) {
      if (random.one(3)) await this.#end(party, 'is killed');
    } else {
      const { text, errno } = await askAround(random, party, voice, this.#parties);
      this.#tally.add(errno);
      this.#say(`${who} ${text}`);
    }
  }

  async #write(party: Party, voice: Voice): Promise<void> {
    const random = this.#random;
    const written: Written[] = [];
    // While somebody sleeps, commands come one by one.
    const most = this.#sleepers().length > 0 ? 1 : 3;
    for (let count = 1 + random.below(most); count > 0; count--)
      written.push(await this.#command(party, voice));
    // Another thread of this process may be woken: which of the two reads first would be chance. So it would be whether
    // who is woken to fail has failed by then.
    const isRace = party.isAsleep || this.#sleepers().some(({ sleepsToFail }) => sleepsToFail);
    const asks = written.some(({ name }) => name.startsWith('BC_TRANSACTION'));
    const readSize = isRace || random.one(asks ? 12 : 3) ? 0 : READ_SIZE;
    const words = written.map(({ text }) => text);
    const question = `${this.#who(party, voice)} writes ${words.join(', ')}${readSize ? ' and reads' : ''}`;
    const request = { commands: written.map(({ command }) => command), readSize };
    if (random.one(40)) {
      await this.#writeRead(
        party,
        voice,
        `${question} from nowhere`,
        { ...request, writeBuffer: NOWHERE },
        [],
      );
      return;
    }
    await this.#writeRead(party, voice, question, request, written);
  }

  async #read(party: Party, voice: Voice): Promise<void> {
    const random = this.#random;
    const readSize = random.one(4) ? random.pick([80, 84, 100, 79, 4]) : READ_SIZE;
    // Where it began behind its end, the kernel driver would write past the end.
    const readConsumed = readSize > 79 && random.one(15) ? 12 : 0;
    const isNowhere = random.one(50);
    const question = `${this.#who(party, voice)} reads ${readSize - readConsumed}${isNowhere ? ' to nowhere' : ''}`;
    const request = { readSize, readConsumed, ...(isNowhere ? { readBuffer: NOWHERE } : {}) };
    if (!this.#styles.sendsFiles || party.isBlocking || !random.one(25))
      return this.#writeRead(party, voice, question, request, []);
    await party.actor.peer.limitFiles(0);
    await this.#writeRead(party, voice, `${question} without descriptors`, request, []);
    await party.actor.peer.limitFiles(null);
  }

  /** A process goes, and what it slept in with it. */
  async #end(party: Party, how: 'closes' | 'is killed'): Promise<void> {
    this.#parties.delete(party.name);
    this.#tally.add(how);
    const { peer } = party.actor;
    await (how === 'closes' ? peer.close() : peer.kill());
    // Whoever waits for it is told.
    for (const other of this.#parties.values()) {
      if (other.deathsAsked.size > 0) other.mail++;
      for (const voice of other.voices) if (voice.isCalling) voice.mail++;
    }
    this.#say(`${party.name} ${how}`);
  }

  async #writeRead(
    party: Party,
    voice: Voice,
    question: string,
    request: WriteReadRequest,
    written: readonly Written[],
  ): Promise<void> {
    const { actor } = voice;
    if (!party.isBlocking) {
      const outcome = await actor.writeRead(request);
      this.#carriedOut(voice, written, outcome);
      return this.#tell(party, voice, question, outcome);
    }
    const sleeper = await actor.start(request);
    if (!sleeper.isAsleep) {
      const outcome = await sleeper.outcome;
      this.#carriedOut(voice, written, outcome);
      return this.#tell(party, voice, question, outcome);
    }
    this.#carriedOut(voice, written, null);
    voice.sleeper = sleeper;
    voice.sleepsToFail = request.readBuffer === NOWHERE;
    this.#tally.add('sleeps');
    this.#say(`${question}: sleeps`);
  }

  /** Which commands were carried out; all were when it sleeps. */
  #carriedOut(voice: Voice, written: readonly Written[], outcome: WriteReadOutcome | null): void {
    const hasFailed = outcome?.commands.some(({ name }) => ENDS_A_CALL.test(name) && name !== 'BR_REPLY');
    let left = outcome ? Number(outcome.writeConsumed) : Number.POSITIVE_INFINITY;
    for (const { name, kinds = [], done } of written) {
      const size = SIZES.get(name) ?? 4;
      const isRefused = left < size && outcome?.errno === 'EINVAL';
      if (left < size && !isRefused) {
        voice.mustRead = true;
        return;
      }
      left -= size;
      if (/^BC_(TRANSACTION|REPLY)/.test(name) && outcome?.readConsumed === 0) voice.mustRead = true;
      this.#tally.add(name);
      for (const kind of kinds) this.#tally.add(`sent ${kind}`);
      if (isRefused) return;
      if (!(hasFailed && name.startsWith('BC_TRANSACTION'))) done?.();
    }
  }

  #sleepers(): Voice[] {
    return [...this.#parties.values()].flatMap(({ voices }) => voices.filter(({ sleeper }) => sleeper));
  }

  /** Lets those who were woken tell what they read, and read on. */
  async #hearWoken(): Promise<void> {
    await this.#world.settle();
    for (const party of [...this.#parties.values()]) {
      for (const voice of party.voices) {
        const { sleeper } = voice;
        if (sleeper && !sleeper.isAsleep) await this.#hearOut(party, voice, sleeper);
      }
    }
  }

  async #hearOut(party: Party, voice: Voice, sleeper: Sleeper): Promise<void> {
    const words: string[] = [];
    voice.sleeper = null;
    let { errno, commands } = await sleeper.outcome;
    for (;;) {
      this.#tally.add(errno);
      for (const command of commands) {
        const word = await this.#hear(party, voice, command);
        if (word !== 'NOOP') words.push(word);
      }
      if (errno !== '0' || commands.some(({ name }) => ENDS_A_READ.test(name))) break;
      const again = await voice.actor.start({ readSize: READ_SIZE });
      if (again.isAsleep) {
        voice.sleeper = again;
        voice.sleepsToFail = false;
        words.push('and sleeps');
        break;
      }
      ({ errno, commands } = await again.outcome);
    }
    this.#tally.add('wakes');
    this.#say(`${this.#who(party, voice)} wakes: ${[errno, ...words].join(' ')}`);
  }

  /** Writes down an answer, and what the party learns from it. */
  async #tell(party: Party, voice: Voice, question: string, outcome: WriteReadOutcome): Promise<void> {
    const { errno, writeConsumed, readConsumed, commands } = outcome;
    this.#tally.add(errno);
    const words: string[] = [];
    for (const command of commands) words.push(await this.#hear(party, voice, command));
    if (commands.some(({ name }) => ENDS_A_CALL.test(name) && name !== 'BR_REPLY') && this.#random.one(2)) {
      const { text, errno: reason } = await extendedError(voice);
      this.#tally.add(reason);
      words.push(text);
    }
    if (errno === 'EAGAIN' && voice.mustRead) voice.mustRead = false;
    if (errno === 'EAGAIN') this.#noMail(party, voice);
    this.#say(`${question}: ${errno} ${writeConsumed} ${readConsumed} ${words.join(' ')}`.trimEnd());
  }

  #noMail(party: Party, voice: Voice): void {
    if (!voice.isCalling && voice.serving === 0) party.mail = 0;
    voice.mail = 0;
  }

  async #hear(party: Party, voice: Voice, command: DecodedCommand): Promise<string> {
    const { name } = command;
    this.#tally.add(name);
    if (name === 'BR_TRANSACTION' && voice.isCalling) this.#tally.add('call to a caller');
    if (ENDS_A_READ.test(name)) {
      voice.mustRead = false;
      if (voice.mail > 0) voice.mail--;
      else if (party.mail > 0) party.mail--;
    }
    const nameOf = (pid: number) =>
      [...this.#parties.values()].find(({ actor }) => actor.pid === pid)?.name ?? '?';
    return hear(party, voice, command, nameOf, (kind) => this.#tally.add(`received ${kind}`));
  }

  /** Something was sent to whoever owns this handle of `party`. */
  #expectAt(party: Party, handle: number): void {
    const owner = party.handles.find((known) => known.handle === handle)?.owner ?? -1;
    for (const other of this.#parties.values()) {
      if (handle === 0 ? other.isManager : other.index === owner) other.mail++;
    }
  }

  /** Whoever waits for a reply may have got one. */
  #expectReply(): void {
    for (const { voices } of this.#parties.values())
      for (const voice of voices) if (voice.isCalling) voice.mail++;
  }

  #draft(party: Party): Promise<Draft> {
    return draft(this.#random, party, this.#styles);
  }

  async #reply(party: Party, voice: Voice): Promise<Written> {
    const { message, text, kinds } = await this.#draft(party);
    const done = () => {
      voice.serving = Math.max(0, voice.serving - 1);
      this.#expectReply();
    };
    const name = message.buffersSize === undefined ? 'BC_REPLY' : 'BC_REPLY_SG';
    return { command: reply(message), text: `reply(${text})`, name, kinds, done };
  }

  async #transaction(party: Party, voice: Voice, handle: number, isOneway: boolean): Promise<Written> {
    const { message, text, kinds } = await this.#draft(party);
    const name = message.buffersSize === undefined ? 'BC_TRANSACTION' : 'BC_TRANSACTION_SG';
    const done = () => {
      if (!isOneway) voice.isCalling = true;
      if (!isOneway && voice.serving > 0) this.#tally.add('nested call');
      this.#expectAt(party, handle);
    };
    const replaces = isOneway && this.#random.one(3);
    const sent: Message = replaces ? { ...message, flags: (message.flags ?? 0) | TF_UPDATE_TXN } : message;
    if (replaces) this.#tally.add('TF_UPDATE_TXN');
    const make = isOneway ? oneway : call;
    return {
      command: make(handle, sent),
      text: `${make.name}(${handle} ${text}${replaces ? ' replaces' : ''})`,
      name,
      kinds,
      done,
    };
  }

  /** A command that makes sense, or now and then none. */
  async #command(party: Party, voice: Voice): Promise<Written> {
    const random = this.#random;
    if (voice.serving > 0 && !voice.isCalling) {
      const back = random.maybe(this.#handlesOfCallers(party));
      if (back !== undefined && random.one(3)) return this.#transaction(party, voice, back, false);
      if (random.one(2)) return this.#reply(party, voice);
    }
    const owed = random.one(2) ? this.#owed(party) : null;
    if (owed) return owed;
    // A manager that knows nobody has nobody to call.
    const known = random.maybe(party.handles);
    const isZero = !party.isManager && (known === undefined || random.one(3));
    const handle = random.one(25) ? random.below(5) : isZero ? 0 : known?.handle;
    if (handle === undefined) return this.#owed(party) ?? this.#enter(party, voice);
    const kind = random.below(40);
    if (kind < 9 && (!voice.isCalling || random.one(8)))
      return this.#transaction(party, voice, handle, false);
    if (kind < 20) return this.#transaction(party, voice, handle, true);
    if (kind < 21) return this.#reply(party, voice);
    if (kind < 26) return this.#count(party, handle);
    if (kind < 30) return this.#death(party, handle);
    if (kind < 34) return this.#freeze(party, handle);
    if (kind < 35 && random.one(3)) return this.#unfounded(party);
    if (kind < 37 && random.one(3)) return plain('registerLooper', registerLooper, 'BC_REGISTER_LOOPER');
    if (kind < 38 && random.one(2)) {
      if (random.one(4)) return plain('unknown', rawCommand(UNKNOWN_COMMAND, 0), 'unknown command');
      const [name, code, payload] = random.pick(RARE_COMMANDS);
      const bc = `BC_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
      return plain(name, command(code, payload), bc);
    }
    return this.#owed(party) ?? this.#enter(party, voice);
  }

  /** By which a call may reach a thread that itself waits for a reply. */
  #handlesOfCallers(party: Party): number[] {
    const callers = [...this.#parties.values()].filter(({ voices }) =>
      voices.some(({ isCalling }) => isCalling),
    );
    const handles = party.handles.filter(({ owner }) => callers.some(({ index }) => index === owner));
    const isManagerAmongThem = callers.some(({ isManager }) => isManager) && !party.isManager;
    return [...handles.map(({ handle }) => handle), ...(isManagerAmongThem ? [0] : [])];
  }

  #enter(party: Party, voice: Voice): Written | Promise<Written> {
    if (voice.hasEntered && !party.isManager && !this.#random.one(8))
      return this.#transaction(party, voice, 0, true);
    voice.hasEntered = true;
    return plain('enterLooper', enterLooper, 'BC_ENTER_LOOPER');
  }

  /** Changes a count: takes one back, or adds one. */
  #count(party: Party, handle: number): Written {
    const random = this.#random;
    const acquired = random.maybe(party.acquired);
    if (acquired !== undefined && random.one(4)) {
      party.acquired.splice(party.acquired.indexOf(acquired), 1);
      return plain(`release(${acquired})`, release(acquired), 'BC_RELEASE');
    }
    const weak = random.maybe(party.weak);
    if (weak !== undefined && random.one(3)) {
      party.weak.splice(party.weak.indexOf(weak), 1);
      return plain(`decrefs(${weak})`, decrefs(weak), 'BC_DECREFS');
    }
    const change = random.one(12)
      ? random.pick([decrefs, release])
      : random.pick([increfs, acquire, acquire]);
    const done = () => {
      if (change === acquire) party.acquired.push(handle);
      if (change === increfs) party.weak.push(handle);
    };
    const name = `BC_${change.name.toUpperCase()}`;
    return { ...plain(`${change.name}(${handle})`, change(handle), name), done };
  }

  /** Wants to hear of a death, or no more. */
  #death(party: Party, handle: number): Written {
    const [asked] = this.#random.one(3) ? party.deathsAsked : [];
    if (asked !== undefined) {
      party.deathsAsked.delete(asked);
      const cookie = this.#random.one(10) ? 2 : asked % 3;
      const done = () => {
        party.mail++;
      };
      return { ...plain(`clearDeath(${asked},${cookie})`, clearDeath(asked, cookie), CLEAR_DEATH), done };
    }
    if (party.deathsAsked.has(handle) && !this.#random.one(4)) return this.#count(party, handle);
    party.deathsAsked.add(handle);
    const cookie = handle % 3;
    return plain(`requestDeath(${handle},${cookie})`, requestDeath(handle, cookie), REQUEST_DEATH);
  }

  /** Wants to hear of freezing, or no more. */
  #freeze(party: Party, handle: number): Written {
    const [asked] = this.#random.one(3) ? party.freezesAsked : [];
    const done = () => {
      party.mail++;
    };
    if (asked !== undefined) {
      party.freezesAsked.delete(asked);
      const cookie = this.#random.one(10) ? 2 : asked % 3;
      return { ...plain(`clearFreeze(${asked},${cookie})`, clearFreeze(asked, cookie), CLEAR_FREEZE), done };
    }
    if (party.freezesAsked.has(handle) && !this.#random.one(4)) return this.#count(party, handle);
    party.freezesAsked.add(handle);
    const cookie = handle % 3;
    const text = `requestFreeze(${handle},${cookie})`;
    return { ...plain(text, requestFreeze(handle, cookie), REQUEST_FREEZE), done };
  }

  /** What the driver waits for, if anything. */
  #owed(party: Party): Written | null {
    const random = this.#random;
    const fresh = party.fresh.pop();
    if (fresh !== undefined && !random.one(3)) {
      party.acquired.push(fresh);
      return plain(`acquire(${fresh})`, acquire(fresh), 'BC_ACQUIRE');
    }
    const announced = random.maybe(party.announced);
    if (announced && random.one(2)) {
      const { name, ptr, cookie } = announced;
      party.announced.splice(party.announced.indexOf(announced), 1);
      return name === 'BR_INCREFS'
        ? plain(`increfsDone(${ptr})`, increfsDone(ptr, cookie), 'BC_INCREFS_DONE')
        : plain(`acquireDone(${ptr})`, acquireDone(ptr, cookie), 'BC_ACQUIRE_DONE');
    }
    const offset = random.maybe(party.buffers);
    if (offset !== undefined && random.one(2)) {
      party.buffers.splice(party.buffers.indexOf(offset), 1);
      return this.#free(party, offset);
    }
    const death = party.deaths.shift();
    if (death !== undefined)
      return plain(`deadBinderDone(${death})`, deadBinderDone(death), DEAD_BINDER_DONE);
    const frozen = party.frozen.shift();
    if (frozen !== undefined) return plain(`freezeDone(${frozen})`, freezeDone(frozen), FREEZE_DONE);
    return null;
  }

  #free(party: Party, offset: number): Written {
    return plain(`free(${offset})`, freeBuffer(party.actor.peer.mapping + offset), 'BC_FREE_BUFFER');
  }

  /** An acknowledgement of what did not occur. */
  #unfounded(party: Party): Written {
    const random = this.#random;
    const [cookie, ptr] = [random.below(3), random.below(6)];
    switch (random.below(5)) {
      case 0:
        return this.#free(party, 8 * random.below(40));
      case 1:
        return plain(`deadBinderDone(${cookie})`, deadBinderDone(cookie), DEAD_BINDER_DONE);
      case 2:
        return plain(`freezeDone(${cookie})`, freezeDone(cookie), FREEZE_DONE);
      case 3:
        return plain(`increfsDone(${ptr})`, increfsDone(ptr, ptr + 100), 'BC_INCREFS_DONE');
      default:
        return plain(`acquireDone(${ptr})`, acquireDone(ptr, ptr + 100), 'BC_ACQUIRE_DONE');
    }
  }
}

/** Bytes of each command in a write buffer. */
const SIZES: ReadonlyMap<string, number> = new Map(
  [...BC_COMMANDS.values()].map(({ name, payload }) => [name, 4 + (payload?.size ?? 0)]),
);

const REQUEST_DEATH = 'BC_REQUEST_DEATH_NOTIFICATION';
const CLEAR_DEATH = 'BC_CLEAR_DEATH_NOTIFICATION';
const DEAD_BINDER_DONE = 'BC_DEAD_BINDER_DONE';
const REQUEST_FREEZE = 'BC_REQUEST_FREEZE_NOTIFICATION';
const CLEAR_FREEZE = 'BC_CLEAR_FREEZE_NOTIFICATION';
const FREEZE_DONE = 'BC_FREEZE_NOTIFICATION_DONE';

/** Words as they are. */
const rawCommand = (...words: number[]): Command =>
  rawBytes(...new Uint8Array(Uint32Array.from(words).buffer));

function plain(text: string, command: Command, name: string): Written {
  return { command, text, name };
}
