// A chat in one process: a server, a client with a callback, and the callback's death.
import { LocalDriver } from 'ubinder/local';
import { asBinder, deathOf, type IBinder, type Ref, SecurityError } from 'ubinder/runtime';
import { IChat, IListener } from './IChat.ts';

/** Runs it. @param print - told line by line what happens */
export async function chat(print: (line: string) => void): Promise<void> {
  using driver = new LocalDriver();
  const server = driver.connect({ uid: 1000 });
  const client = driver.connect({ uid: 1000 });

  // ---- the server
  const listeners = new Map<IBinder, Ref<IListener>>();
  const service = IChat.implement({
    async say(text, call) {
      if (call.uid !== 1000) throw new SecurityError(`Cannot say: uid ${call.uid} is not the owner`);
      await Promise.allSettled([...listeners.values()].map((listener) => listener.heard(text)));
      return listeners.size;
    },
    join(listener) {
      const key = asBinder(listener);
      listeners.set(key, listener);
      deathOf(listener).addEventListener('abort', () => listeners.delete(key), { once: true });
    },
    read: (bufLength) => ({ result: 3, buf: new Uint8Array(bufLength) }),
  });
  await server.becomeContextManager(service);

  // ---- the client
  const remote = IChat.fromBinder(client.contextManager());
  const heard = new Promise<void>((resolve) => {
    const ears = IListener.implement({
      heard: (text) => {
        print(`heard: ${text}`);
        resolve();
      },
    });
    void remote.join(ears).then(() => remote.say('hello', { signal: AbortSignal.timeout(5000) }));
  });
  await heard;
  print(`listeners: ${await remote.say('is anybody here?')}`);
  const { result, buf } = await remote.read(16);
  print(`read: ${result}, ${buf.length} bytes`);

  // ---- a stranger, and the death of the client
  using stranger = driver.connect({ uid: 2000 });
  using same = IChat.fromBinder(stranger.contextManager());
  print(`let me in: ${await same.say('let me in').catch((error: Error) => error.message)}`);
  client.close();
  await new Promise((resolve) => void setTimeout(resolve, 10));
  print(`listeners left: ${listeners.size}`);
}
