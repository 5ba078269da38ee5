import {
  BINDER_FREEZE,
  BINDER_GET_FROZEN_INFO,
  BINDER_GET_NODE_DEBUG_INFO,
  BINDER_GET_NODE_INFO_FOR_REF,
  BINDER_SET_CONTEXT_MGR,
  BINDER_SET_IDLE_PRIORITY,
  BINDER_SET_IDLE_TIMEOUT,
  BINDER_SET_MAX_THREADS,
  BINDER_VERSION,
} from '../../src/abi/binder.ts';
import { freezeInfo, frozenStatusInfo, nodeDebugInfo, nodeInfoForRef } from '../../src/abi/structs.ts';
import { errnoName } from '../support/actor.ts';
import type { Random } from '../support/random.ts';
import { NAMES, type Party, type Voice } from './conversation-party.ts';

/** An ioctl that is not BINDER_WRITE_READ: what was asked and answered, and the errno. */
export interface Answered {
  readonly text: string;
  readonly errno: string;
}

/** Processes by name. */
type Parties = ReadonlyMap<string, Party>;

const NOBODY = 999_999;

/** Asks something, or changes a setting. */
export async function askAround(
  random: Random,
  party: Party,
  voice: Voice,
  parties: Parties,
): Promise<Answered> {
  const { actor } = voice;
  const kind = random.below(24);
  if (kind < 2) return told(`polls: ${await actor.poll()}`);
  if (kind < 4) return extendedError(voice);
  if (kind < 15) return freeze(random, voice, parties);
  if (kind < 16) {
    const errno = errnoName(await actor.thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4)));
    return { text: `manages: ${errno}`, errno };
  }
  if (kind < 18) return askNode(random, voice);
  if (kind < 20) return askRef(random, voice);
  if (kind < 22) return fileChange(random, party);
  return setting(random, voice);
}

const told = (text: string): Answered => ({ text, errno: '0' });

/** Reads and forgets why the last call of a thread failed. */
export async function extendedError({ actor }: Voice): Promise<Answered> {
  const { text } = await actor.extendedError();
  return { text: `error: ${text}`, errno: /-(E\w+)/.exec(text)?.[1] ?? '0' };
}

async function askNode(random: Random, { actor }: Voice): Promise<Answered> {
  const argument = nodeDebugInfo.bytes({ ptr: random.below(6) });
  const info = nodeDebugInfo.decode(await actor.ioctl(BINDER_GET_NODE_DEBUG_INFO, argument));
  return told(`node ${Object.values(info).join(' ')}`);
}

async function askRef(random: Random, { actor }: Voice): Promise<Answered> {
  const weakCount = random.one(10) ? 1 : 0;
  const argument = nodeInfoForRef.bytes({ handle: random.below(4), weakCount });
  const errno = errnoName(await actor.thread.ioctl(BINDER_GET_NODE_INFO_FOR_REF, argument));
  const info = nodeInfoForRef.decode(new DataView(argument.buffer));
  return { text: `ref ${errno} ${Object.values(info).join(' ')}`, errno };
}

async function freeze(random: Random, { actor }: Voice, parties: Parties): Promise<Answered> {
  const name = random.pick(NAMES);
  const party = parties.get(name);
  if (!party) {
    const errno = errnoName(
      await actor.thread.ioctl(BINDER_FREEZE, freezeInfo.bytes({ pid: NOBODY, enable: 1 })),
    );
    return { text: `freezes nobody: ${errno}`, errno };
  }
  const { pid } = party.actor;
  const enable = party.isFrozen && random.one(2) ? 0 : 1;
  const errno = errnoName(await actor.thread.ioctl(BINDER_FREEZE, freezeInfo.bytes({ pid, enable })));
  party.isFrozen = enable === 1 && errno === '0';
  if (errno === '0') for (const other of parties.values()) if (other.freezesAsked.size > 0) other.mail++;
  const view = await actor.ioctl(BINDER_GET_FROZEN_INFO, frozenStatusInfo.bytes({ pid }));
  const { syncRecv, asyncRecv } = frozenStatusInfo.decode(view);
  return { text: `freezes ${name} ${enable}: ${errno} ${syncRecv} ${asyncRecv}`, errno };
}

/** Closes a descriptor, or says which files are open. */
async function fileChange(random: Random, party: Party): Promise<Answered> {
  const { peer } = party.actor;
  const fd = random.maybe(party.files);
  if (fd !== undefined && random.one(2)) {
    party.files.splice(party.files.indexOf(fd), 1);
    await peer.closeFile(fd);
    return told('closes a file');
  }
  const contents = [];
  for (const open of await peer.files()) contents.push(await peer.fileContent(open));
  return told(`has files ${contents.sort().join(' ')}`);
}

/** Settings, and ioctls that do nothing. */
async function setting(random: Random, { actor }: Voice): Promise<Answered> {
  const count = random.below(4);
  const [name, code, size] = random.pick([
    ['maxThreads', BINDER_SET_MAX_THREADS, 4],
    ['maxThreads', BINDER_SET_MAX_THREADS, 4],
    ['version', BINDER_VERSION, 4],
    ['idleTimeout', BINDER_SET_IDLE_TIMEOUT, 8],
    ['idlePriority', BINDER_SET_IDLE_PRIORITY, 4],
    ['unknown', 0x4004_627f, 4],
  ] as const);
  const argument = new Uint8Array(size);
  argument[0] = count;
  const errno = errnoName(await actor.thread.ioctl(code, argument));
  return { text: `${name}(${count}): ${errno} ${argument[0]}`, errno };
}
