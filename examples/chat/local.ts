// The chat in one process, on the driver in this process: for tests, on any system.
import type { FileDescriptor } from 'ubinder';
import { LocalDriver } from 'ubinder/local';
import { makeChat } from './chat.ts';
import { IChat, IListener } from './IChat.ts';

/** Runs it. @param print - told line by line what happens */
export async function chat(print: (line: string) => void): Promise<void> {
  using driver = new LocalDriver();
  const server = driver.connect({ uid: 1000 }); // Binder processes
  const client = driver.connect({ uid: 1000 });
  await server.becomeContextManager(makeChat(1000, print));

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
  print(`history: ${await textOf(await remote.history())}`);
  const { result, buf } = await remote.read(16);
  print(`read: ${result}, ${buf.length} bytes`);

  // A stranger, and the death of the client.
  using stranger = driver.connect({ uid: 2000 });
  using same = IChat.fromBinder(stranger.contextManager());
  print(`let me in: ${await same.say('let me in').catch((error: Error) => error.message)}`);
  client.close();
  await new Promise((resolve) => void setTimeout(resolve, 10));
}

async function textOf(file: FileDescriptor): Promise<string> {
  let text = '';
  for await (const chunk of file.readable()) text += chunk;
  return text.trimEnd().replaceAll('\n', ' / ');
}
