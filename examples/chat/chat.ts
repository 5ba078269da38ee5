// The object that is served: by a process of its own (service.ts), or in the process of its clients (local.ts).
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asBinder, deathOf, FileDescriptor, type IBinder, type Ref, SecurityError } from 'ubinder';
import { IChat, type IListener } from './IChat.ts';

/** A chat of the user `owner`. @param print - told line by line who leaves */
export function makeChat(owner: number, print: (line: string) => void): Ref<IChat> {
  const listeners = new Map<IBinder, Ref<IListener>>();
  const said: string[] = [];
  return IChat.implement({
    async say(text, call) {
      if (call.uid !== owner) throw new SecurityError(`Cannot say: uid ${call.uid} is not the owner`);
      said.push(`${text}\n`);
      await Promise.allSettled([...listeners.values()].map((listener) => listener.heard(text)));
      return listeners.size;
    },
    // A received reference owns one count; who gets it may keep it.
    join(listener) {
      const key = asBinder(listener); // the same remote object has the same key
      listeners.set(key, listener);
      const left = (): void => {
        listeners.delete(key);
        print(`somebody left, ${listeners.size} listen`);
      };
      deathOf(listener).addEventListener('abort', left, { once: true });
    },
    async history() {
      const folder = await mkdtemp(join(tmpdir(), 'chat-'));
      const path = join(folder, 'history.txt');
      await writeFile(path, said.join(''));
      await using file = await open(path);
      await rm(folder, { recursive: true });
      return FileDescriptor.from(file); // a duplicate, which goes with the reply
    },
    read: (bufLength) => ({ result: 3, buf: new Uint8Array(bufLength) }),
  });
}
