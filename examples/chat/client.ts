// Joins, says something, and reads what was said. After a restart of the service it would join again.
import { connect } from 'ubinder';
import { IChat, IListener } from './IChat.ts';

await using binder = await connect(); // $UBINDER, /dev/binder, …
for await (using chat of binder.services.watch(IChat, 'chat')) {
  try {
    using ears = IListener.implement({ heard: (text) => console.log(`heard: ${text}`) });
    await chat.join(ears); // a callback: hand over the object
    console.log('listeners:', await chat.say('hello', { signal: AbortSignal.timeout(5000) })); // options always last
    using history = await chat.history();
    for await (const chunk of history.readable()) process.stdout.write(`history: ${chunk}`);
    const { result, buf } = await chat.read(16); // an out array: its length goes in, its value comes back
    console.log(`read: ${result}, ${buf.length} bytes`);
    break;
  } catch (error) {
    if ((error as { code?: string }).code !== 'DEAD_OBJECT') throw error;
  }
}
