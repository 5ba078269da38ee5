import { BINDER_SET_CONTEXT_MGR } from '../abi/binder.ts';
import type { BinderThread } from '../binder/connections/binder-thread.ts';
import { call, greet, type Message, serve } from './conversation.ts';

// The three programs of the demonstration. Each runs on any Binder device, or on a driver in the same process.

/** The context manager's two calls: a service is added under a name, and found by it. */
const ADD = 1;
const GET = 2;
/** The echo service's one call. */
const ECHO = 1;

/** The context manager: keeps the services by name. `onReady` is called once others can reach it. */
export async function manager(thread: BinderThread, onReady: () => void): Promise<void> {
  await greet(thread);
  const errno = await thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  if (errno !== 0) throw new Error(`Cannot become context manager: errno ${errno}`);
  onReady();
  const services = new Map<string, Message['object']>();
  await serve(thread, ({ code, text, object }) => {
    if (code === ADD) services.set(text, object);
    const found = code === GET ? services.get(text) : undefined;
    return found ? { text, object: found } : { text: code === GET ? 'no such service' : 'added' };
  });
}

/** The echo service: says what it was told, and who told it. */
export async function echo(thread: BinderThread, onReady: () => void): Promise<void> {
  await greet(thread);
  await call(thread, 0, ADD, { text: 'echo', object: { own: 1 } });
  onReady();
  await serve(thread, ({ text, senderPid, senderEuid }) => ({
    text: `${text} (said by pid ${senderPid}, uid ${senderEuid})`,
  }));
}

/** A client: finds the echo service and calls it. @returns what it said. */
export async function client(thread: BinderThread, text: string): Promise<string> {
  await greet(thread);
  const { object } = await call(thread, 0, GET, { text: 'echo' });
  if (!object || !('handle' in object)) throw new Error('Cannot call echo: the manager has no such service');
  return (await call(thread, object.handle, ECHO, { text })).text;
}
