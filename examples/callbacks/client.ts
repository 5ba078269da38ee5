// Listens to the bell, rings it, and ends: the service hears of that as a death.
import { connect } from 'ubinder';
import { IBell, IListener } from './IBell.ts';

await using binder = await connect();
using bell = await binder.services.get(IBell, 'bell', { signal: AbortSignal.timeout(20_000) });

let hear: (times: number) => void = () => {};
const heard = new Promise<number>((resolve) => {
  hear = resolve;
});
using ears = IListener.implement({ rang: (times) => hear(times) });
await bell.listen(ears);
await bell.listen(ears);
console.log(`${await bell.listeners()} listens`);
await bell.ring();
console.log(`heard it ring, ${await heard} time in all`);
