import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));

/** What every program of the library's tests begins with: `binder` is connected to the device of its first argument. */
const PRELUDE = `
import * as ub from '${dist}/binder/node/index.js';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
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
