// A bell that tells everybody who listens, and forgets who has died.
import { asBinder, connect, deathOf, type IBinder, type Ref, release } from 'ubinder';
import { IBell, type IListener } from './IBell.ts';

const listeners = new Map<IBinder, Ref<IListener>>();
let times = 0;

const bell = IBell.implement({
  listen(listener) {
    // The same remote object is the same key, however often it comes.
    const key = asBinder(listener);
    const known = listeners.get(key);
    if (known) return release(listener);
    listeners.set(key, listener);
    const forget = () => {
      listeners.delete(key);
      release(listener);
      console.log(`a listener died, ${listeners.size} left`);
    };
    deathOf(listener).addEventListener('abort', forget, { once: true });
  },
  async ring() {
    times++;
    // Oneway: each resolves when it is queued, and fails where the listener has just died.
    await Promise.allSettled([...listeners.values()].map((listener) => listener.rang(times)));
    return times;
  },
  listeners: () => listeners.size,
});

const binder = await connect();
await binder.services.add('bell', bell);
console.log('serving bell');
