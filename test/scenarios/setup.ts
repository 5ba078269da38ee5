import { Actor } from '../support/actor.ts';
import {
  acquire,
  acquireDone,
  call,
  enterLooper,
  freeBuffer,
  increfsDone,
  oneway,
  reply,
  strongBinder,
  strongHandle,
} from '../support/commands.ts';
import type { OpenOptions, World } from '../support/world.ts';

/** The node that scenarios speak of when they need one: its owner's pointer and cookie. */
export const NODE = 0x10;
export const COOKIE = 0x20;

type Options = Omit<OpenOptions, 'process'>;

/** A process whose thread is the context manager. */
export async function manager(world: World, options: Options = {}): Promise<Actor> {
  const actor = await Actor.open(world, 'manager', options);
  await actor.becomeManager();
  await actor.write(enterLooper);
  return actor;
}

/**
 * Gives `holder`, the context manager, a strong handle to the owner's node (`ptr`, `cookie`). Afterwards the owner has
 * acknowledged that it is held, and nothing is queued.
 */
export async function share(
  owner: Actor,
  holder: Actor,
  ptr = NODE,
  cookie = COOKIE,
  flags = 0,
): Promise<number> {
  const names = `${ptr.toString(16)},${cookie.toString(16)}`;
  await owner.write(oneway(0, { parts: [strongBinder(ptr, cookie, flags)] }));
  await owner.read(`NOOP INCREFS(${names}) ACQUIRE(${names}) TC`);
  await owner.write(increfsDone(ptr, cookie), acquireDone(ptr, cookie));
  const message = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
  const handle = message.objects[0]?.handle ?? -1;
  await holder.write(acquire(handle), freeBuffer(message.buffer));
  return handle;
}

/** A server, and a client that holds a handle to the server's node. The client is the context manager. */
export interface Pair {
  readonly server: Actor;
  readonly client: Actor;
  readonly handle: number;
}

/** Opens a {@link Pair}: both non-blocking, both threads in the looper. */
export async function pair(
  world: World,
  { server = {}, client = {}, flags = 0 }: { server?: Options; client?: Options; flags?: number } = {},
): Promise<Pair> {
  const holder = await manager(world, client);
  const owner = await Actor.open(world, 'server', server);
  await owner.write(enterLooper);
  return { server: owner, client: holder, handle: await share(owner, holder, NODE, COOKIE, flags) };
}

/** What a server reads of a call to {@link NODE}. */
export const CALLED = `TRANSACTION(${NODE.toString(16)},${COOKIE.toString(16)})`;

/** `holder`, the context manager, gives one of its handles to `receiver`. @returns the receiver's own handle. */
export async function pass(holder: Actor, receiver: Actor, handle: number): Promise<number> {
  await receiver.write(call(0));
  const { buffer } = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
  await holder.write(freeBuffer(buffer), reply({ parts: [strongHandle(handle)] }));
  await holder.read('NOOP TC');
  const answer = await (await receiver.read('NOOP TC REPLY')).message();
  const own = answer.objects[0]?.handle ?? -1;
  await receiver.write(acquire(own), freeBuffer(answer.buffer));
  return own;
}

/** Three processes with the nodes (a,a), (b,b) and (c,c), each of which holds the node of the next by `next`. */
export interface Ring {
  readonly a: Actor;
  readonly b: Actor;
  readonly c: Actor;
  readonly next: number;
}

export async function ring(world: World): Promise<Ring> {
  const holder = await manager(world);
  const actors: Actor[] = [];
  const handles: number[] = [];
  for (const [name, node] of Object.entries({ a: 0xa, b: 0xb, c: 0xc })) {
    const actor = await Actor.open(world, name);
    await actor.write(enterLooper);
    handles.push(await share(actor, holder, node, node));
    actors.push(actor);
  }
  const [a, b, c] = actors as [Actor, Actor, Actor];
  const [toA = 0, toB = 0, toC = 0] = handles;
  const given = [await pass(holder, a, toB), await pass(holder, b, toC), await pass(holder, c, toA)];
  return { a, b, c, next: given[0] ?? -1 };
}
