// Calls from one event loop to a service that holds each of them: how long until all have ended, how many the driver had
// under way at once, and how late a timer of 10 ms is meanwhile. One line of JSON.
//
//     node held.mjs --device=PATH [--threads=workers|logical] [--tree=DIR] [--calls=1000] [--hold=1000]
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const here = fileURLToPath(import.meta.url);
const { values } = parseArgs({
  options: {
    device: { type: 'string' },
    threads: { type: 'string' },
    tree: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
    calls: { type: 'string', default: '1000' },
    hold: { type: 'string', default: '1000' },
  },
});
const calls = Number(values.calls);
const hold = Number(values.hold);
const TICK = 10;

const { connect, defineInterface } = await import(
  pathToFileURL(`${values.tree}/dist/binder/node/index.js`).href
);
const IHolder = defineInterface('bench.IHolder', {
  format: 1,
  methods: { hold: { code: 1, args: [['milliseconds', 'int']], returns: 'int' } },
});
const binder = await connect({ device: values.device, threads: values.threads });

if (process.send) {
  await binder.becomeContextManager(
    IHolder.implement({
      hold: (milliseconds) => setTimeout(milliseconds, milliseconds),
    }),
  );
  process.once('disconnect', () => process.exit());
  process.send('ready');
} else {
  const server = fork(here, process.argv.slice(2));
  await once(server, 'message');
  const holder = IHolder.fromBinder(binder.contextManager());
  // What is called first is compiled first.
  await Promise.all(Array.from({ length: 100 }, () => holder.hold(1)));

  let due = performance.now() + TICK;
  let latest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    latest = Math.max(latest, now - due);
    due = now + TICK;
  }, TICK);
  const start = performance.now();
  const answers = Promise.all(Array.from({ length: calls }, () => holder.hold(hold)));
  const underWay = countTransactions();
  await answers;
  const took = performance.now() - start;
  clearInterval(timer);
  const line = {
    bench: 'held',
    calls,
    hold_ms: hold,
    took_ms: took,
    in_flight: await underWay,
    timer_late_ms: latest,
  };
  binder.close();
  server.disconnect();
  process.stdout.write(`${JSON.stringify(line)}\n`, () => process.exit());
}

/** The transactions under way on this mount when all are sent and none has ended, as its daemon tells. */
async function countTransactions() {
  await setTimeout(hold / 2);
  const command = [`${values.tree}/dist/cli/main.js`, 'status', '--mount', dirname(values.device), '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  return JSON.parse(stdout).transactions;
}
