// The page: it has the driver, serves a guest book in one Binder process, signs it in another, and lets a Worker in.
import { LocalDriver } from 'ubinder/local';
import { asBinder, deathOf, type IBinder, type Ref } from 'ubinder/runtime';
import { IGuestBook, IToken } from './IGuestBook.ts';

const log = document.querySelector('#log') as HTMLOListElement;
function print(text: string): void {
  log.append(Object.assign(document.createElement('li'), { textContent: text }));
}

const driver = new LocalDriver();

// ---- the service
const server = driver.connect({ uid: 1000 });
const guests = new Map<IBinder, string>();
await server.becomeContextManager(
  IGuestBook.implement({
    sign(name, token, call) {
      const key = asBinder(token);
      guests.set(key, `${name} (uid ${call.uid})`);
      deathOf(token).addEventListener('abort', () => {
        print(`left: ${guests.get(key)}`);
        guests.delete(key);
      });
      return guests.size;
    },
    guests: () => [...guests.values()],
  }),
);

// ---- a client in the page
const client = driver.connect({ uid: 2000 });
const book = IGuestBook.fromBinder(client.contextManager());
const token = IToken.implement({ keep: () => {} });
print(`the page is guest ${await book.sign('page', token as unknown as Ref)}`);

// ---- a client in a Worker
const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const { port1, port2 } = new MessageChannel();
driver.serve(port1, { uid: 3000 });
worker.postMessage(port2, [port2]);
worker.onmessage = async ({ data }) => {
  print(`the worker is guest ${data}`);
  print(`signed: ${(await book.guests()).join(', ')}`);
  worker.onmessage = () => void document.body.classList.add('done');
  worker.postMessage('leave');
};
