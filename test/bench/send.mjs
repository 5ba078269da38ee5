// process.send() to and fro between two Node.js processes. One line of JSON, with the members of pingpong.c.
//
//     node send.mjs --serialization=json|advanced [--calls=20000] [--warmup=2000] [--size=256]
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';

if (process.send) {
  process.on('message', (message) => process.send(message));
} else {
  const { values } = parseArgs({
    options: {
      serialization: { type: 'string', default: 'json' },
      calls: { type: 'string', default: '20000' },
      warmup: { type: 'string', default: '2000' },
      size: { type: 'string', default: '256' },
    },
  });
  const [calls, warmup, size] = [values.calls, values.warmup, values.size].map(Number);
  const other = fork(new URL(import.meta.url), [], { serialization: values.serialization });
  const message = 'x'.repeat(size);
  const times = new Float64Array(calls);
  let done = -warmup;
  let start = 0;
  let sent = 0;
  const send = () => {
    sent = performance.now();
    if (done === 0) start = sent;
    other.send(message);
  };
  other.on('message', () => {
    const now = performance.now();
    if (done >= 0) times[done] = now - sent;
    if (++done < calls) return send();
    other.disconnect();
    times.sort();
    console.log(
      JSON.stringify({
        bench: 'send',
        serialization: values.serialization,
        size,
        calls,
        p50_us: times[Math.floor(calls / 2)] * 1000,
        p99_us: times[calls - 1 - Math.floor(calls / 100)] * 1000,
        calls_per_second: (calls * 1000) / (now - start),
      }),
    );
  });
  other.on('exit', (code) => {
    if (done < calls) throw new Error(`The other process ended with code ${code}`);
  });
  send();
}
