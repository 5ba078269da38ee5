import { fileURLToPath } from 'node:url';

/** Where the compiled library is. */
export const dist: string = fileURLToPath(new URL('../../dist', import.meta.url));

/** What every program of the library's tests begins with: `binder` is connected to the device of its first argument. */
const PRELUDE = `
import * as ub from '${dist}/binder/node/index.js';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
const { connect, defineInterface, FileDescriptor } = ub;
const [, device, options = '{}'] = process.argv;
const say = (what) => process.stdout.write(what + '\\n');
const ITest = defineInterface('test.ITest', {
  format: 1,
  methods: {
    echo: { code: 1, args: [['text', 'String']], returns: 'String' },
    callBack: { code: 2, args: [['target', () => ITest]], returns: 'String' },
    hold: { code: 3, args: [['milliseconds', 'int']], returns: 'int' },
    tell: { code: 4, oneway: true, args: [['text', 'String']] },
    told: { code: 5, returns: { array: 'String' } },
    file: { code: 6, args: [['file', 'FileDescriptor']], returns: 'FileDescriptor' },
    who: { code: 7, returns: { array: 'int' } },
    keep: { code: 8, args: [['target', () => ITest]] },
    fail: { code: 9, args: [['text', 'String']] },
  },
});
const binder = await connect({ device, ...JSON.parse(options) });
const manager = () => ITest.fromBinder(binder.contextManager());
`;

/** The command line of a program that uses the library. @param options - of \`connect\` */
export function program(device: string, script: string, options: object = {}): string[] {
  return [
    process.execPath,
    '--input-type=module',
    '-e',
    `${PRELUDE}\n${script}`,
    device,
    JSON.stringify(options),
  ];
}

/** A context manager that does what {@link ITest} promises, and says \`ready\`. */
export const SERVER: string = `
const heard = [];
const kept = [];
await binder.becomeContextManager(ITest.implement({
  echo: (text) => text,
  async callBack(target) {
    try {
      return 'back: ' + await target.echo('hello');
    } finally {
      ub.release(target);
    }
  },
  hold: async (milliseconds) => {
    await sleep(milliseconds, null, { ref: false });
    return milliseconds;
  },
  tell: async (text) => {
    await sleep(1);
    heard.push(text);
  },
  told: () => heard,
  async file(file) {
    let text = '';
    for await (const chunk of file.readable()) text += chunk;
    const path = mkdtempSync('/tmp/ubinder-file-') + '/file';
    const fd = openSync(path, 'w+');
    writeSync(fd, text.toUpperCase());
    rmSync(path.slice(0, -5), { recursive: true });
    return FileDescriptor.owning(fd);
  },
  who: (call) => [call.pid, call.uid],
  keep: (target) => void kept.push(target),
  fail(text) {
    throw text === 'security' ? new ub.SecurityError(text) : new Error(text);
  },
}));
say('ready');
`;

/** A way in which a program ends. */
export interface Ending {
  readonly how: string;
  readonly script: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export const ENDINGS: readonly Ending[] = [
  { how: 'process.exit()', script: 'process.exit(3);', code: 3, signal: null },
  { how: 'an uncaught throw', script: "throw new Error('on purpose');", code: 1, signal: null },
  { how: 'SIGINT', script: "process.kill(process.pid, 'SIGINT');", code: null, signal: 'SIGINT' },
  {
    how: 'SIGINT that is handled',
    script: "process.on('SIGINT', () => process.exit(4)); process.kill(process.pid, 'SIGINT');",
    code: 4,
    signal: null,
  },
  { how: 'the end of the script', script: 'unref();', code: 0, signal: null },
];

/** Says when, in seconds since the machine was started. */
const SAY_WHEN = "writeSync(1, 'ending ' + readFileSync('/proc/uptime', 'utf8').split(' ')[0] + '\\n');";

/** A client with 15 calls under way, each on a thread of its own, that says when it begins to end. Give it `maxCallers: 15`. */
export function endingClient({ script }: Ending): string {
  return `
const unref = () => binder.unref();
const ears = ITest.implement({});
const remote = manager();
await Promise.all(Array.from({ length: 15 }, () => remote.hold(1)));
for (let i = 0; i < 15; i++) remote.hold(100_000).catch(() => {});
await sleep(200);
${SAY_WHEN}
${script}`;
}

/** The command line of a program without Binder that has as many threads asleep, and ends in the same way. */
export function endingPlainly({ script }: Ending): string[] {
  return [
    process.execPath,
    '--input-type=module',
    '-e',
    `
import { readFileSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
const sleeper = "require('worker_threads').parentPort.postMessage(0); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)";
const workers = Array.from({ length: 15 }, () => new Worker(sleeper, { eval: true, execArgv: [] }));
await Promise.all(workers.map((worker) => once(worker, 'message')));
const unref = () => workers.forEach((worker) => worker.unref());
${SAY_WHEN}
${script}`,
  ];
}

/**
 * The seconds that a client of {@link endingClient} may take to end where one without Binder took `plain`: machines differ,
 * and so does what they are busy with.
 */
export function mayTake(plain: number): number {
  return 0.2 + 4 * plain;
}

/** When a program that said so began to end. */
export function beganToEnd(output: string): number {
  return Number(/^ending ([\d.]+)$/m.exec(output)?.[1] ?? Number.NaN);
}
