import {
  BINDER_ENABLE_ONEWAY_SPAM_DETECTION,
  BINDER_SET_CONTEXT_MGR,
  BINDER_SET_CONTEXT_MGR_EXT,
  FLAT_BINDER_FLAG_ACCEPTS_FDS,
  FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
} from '../../src/abi/binder.ts';
import { flatBinderObject } from '../../src/abi/structs.ts';
import { Actor, errnoName, type Sleeper } from '../support/actor.ts';
import { enterLooper } from '../support/commands.ts';
import type { Random } from '../support/random.ts';
import type { World } from '../support/world.ts';

export const NAMES = ['a', 'b', 'c'] as const;
export type Name = (typeof NAMES)[number];
/** Bytes to map: small ones fill soon. */
const MAPS = [4096, 8192, 8192, 8192, 16384];
/** Of processes that are not root's. */
const USER = 1000;

/** A thread of a {@link Party}. */
export interface Voice {
  readonly actor: Actor;
  /** The read in which it sleeps. */
  sleeper: Sleeper | null;
  /** What is read there goes nowhere: it fails when it is woken. */
  sleepsToFail: boolean;
  /** Waits for the reply to a call. */
  isCalling: boolean;
  /** How many calls it serves. */
  serving: number;
  /** A command of its was not carried out: first it must read why. */
  mustRead: boolean;
  /** How much is likely there for it alone to read. */
  mail: number;
  hasEntered: boolean;
}

/** A handle that a process was told of. */
export interface Known {
  readonly handle: number;
  /** Index of the process whose node it is, as the sender believed; -1 when nobody said. */
  readonly owner: number;
}

/** A process in a conversation, and what it knows from what it was told. */
export class Party {
  readonly name: string;
  readonly index: number;
  readonly isManager: boolean;
  /** Its reads sleep. */
  readonly isBlocking: boolean;
  readonly voices: readonly Voice[];
  /** As often as they were received, so the usual ones are used most. */
  readonly handles: Known[] = [];
  /** Handles that were received and not acquired yet. */
  readonly fresh: number[] = [];
  /** Strong counts of its own. */
  readonly acquired: number[] = [];
  /** Weak ones. */
  readonly weak: number[] = [];
  /** Handles for which it wants to hear of deaths, and of freezing. */
  readonly deathsAsked = new Set<number>();
  readonly freezesAsked = new Set<number>();
  /** Offsets in the mapping. */
  readonly buffers: number[] = [];
  readonly announced: { readonly name: string; readonly ptr: number; readonly cookie: number }[] = [];
  readonly deaths: number[] = [];
  readonly frozen: number[] = [];
  /** Descriptors that it may send and close. */
  readonly files: number[] = [];
  isFrozen = false;
  /** How much is likely there for any of its threads to read. */
  mail = 0;

  constructor(
    name: string,
    index: number,
    isManager: boolean,
    isBlocking: boolean,
    actors: readonly Actor[],
  ) {
    this.name = name;
    this.index = index;
    this.isManager = isManager;
    this.isBlocking = isBlocking;
    this.voices = actors.map((actor) => ({
      actor,
      sleeper: null,
      sleepsToFail: false,
      isCalling: false,
      serving: 0,
      mustRead: false,
      mail: 0,
      hasEntered: false,
    }));
  }

  get actor(): Actor {
    return (this.voices[0] as Voice).actor;
  }

  get isAsleep(): boolean {
    return this.voices.some(({ sleeper }) => sleeper !== null);
  }

  /** How likely this thread's turn should be. */
  weight(voice: Voice): number {
    const isRace = this.voices.some(({ sleeper, isCalling }) => sleeper && !isCalling);
    if (voice.sleeper) return 1;
    if (isRace) return 1;
    let weight = this.isManager && this.handles.length === 0 ? 1 : 4;
    if (voice.mustRead) weight += 12;
    if (this.hasMail(voice)) weight += 12;
    if (voice.serving > 0) weight += 6;
    return weight;
  }

  /** Whether there is likely something to read for this thread. */
  hasMail(voice: Voice): boolean {
    return voice.mail > 0 || (this.mail > 0 && !voice.isCalling && voice.serving === 0);
  }
}

/**
 * Starts a process, which tries to become context manager.
 *
 * @param isFirst - nobody else is there: it is root, so that the device's managers must be
 * @returns it, and what was asked and answered
 */
export async function openParty(
  world: World,
  name: Name,
  random: Random,
  { isFirst, asksLabels }: { isFirst: boolean; asksLabels: boolean },
): Promise<{ party: Party; lines: string[] }> {
  const isBlocking = random.one(4);
  const isUser = !isFirst && random.one(4) && world.abilities.has('users');
  const map = !isFirst && random.one(12) ? false : random.pick(MAPS);
  const euid = isUser ? { euid: USER } : {};
  const first = await Actor.open(world, name, { map, nonBlocking: !isBlocking, ...euid });
  const second = await first.another('second');
  const result = random.one(3)
    ? await first.thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4))
    : await first.thread.ioctl(BINDER_SET_CONTEXT_MGR_EXT, managerObject(random, asksLabels));
  const party = new Party(name, NAMES.indexOf(name), result === 0, isBlocking, [first, second]);
  await first.setMaxThreads(random.below(3));
  const detectsSpam = random.one(2);
  await first.ioctl(BINDER_ENABLE_ONEWAY_SPAM_DETECTION, Uint8Array.of(Number(detectsSpam), 0, 0, 0));
  const how = [
    isUser ? ' as a user' : '',
    map ? ` with ${map} bytes` : ' without a mapping',
    isBlocking ? ' to sleep' : '',
  ];
  const lines = [`${name} opens${how.join('')}: ${errnoName(result)}`];
  if (random.one(2)) await first.write(enterLooper);
  return { party, lines };
}

/** The node of a context manager. */
function managerObject(random: Random, asksLabels: boolean): Uint8Array {
  const accepts = random.one(4) ? 0 : FLAT_BINDER_FLAG_ACCEPTS_FDS;
  const labels = asksLabels && random.one(8) ? FLAT_BINDER_FLAG_TXN_SECURITY_CTX : 0;
  return flatBinderObject.bytes({ flags: accepts | labels, binder: 0, cookie: 0 });
}
