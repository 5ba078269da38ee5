import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { Boot, whyNoMachine } from './boot.ts';

// The C programs of test/native under other kernels: on the kernel's own driver, which says whether they are right, and
// in the same boot on our mount, in each way that those kernels allow.

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const MOUNT = '/tmp/ubinder';

/** With less work for our mount, where everything takes fifty times as long under emulation as without. */
const programs: readonly (readonly [name: string, onTheKernels: string, onOurs: string])[] = [
  ['calls', '', '--calls=1000'],
  ['nested', '', ''],
  ['oneway', '', '--count=100'],
  ['handles', '', ''],
  ['poll', '', '--calls=20'],
  ['mapping', '', ''],
  ['opens', '', ''],
  ['signals', '', '--calls=200'],
  ['death', '', '--clients=25'],
  ['errors', '--no-strict-bounds', '--no-descriptors'],
  ['manager', '', ''],
  ['spawn', '', ''],
  ['priority', '', ''],
];
const all = programs.map(([name]) => name);

/** One boot: which programs run where. */
interface Plan {
  readonly kernel: string;
  readonly lsm: string;
  readonly onTheKernels: readonly string[];
  readonly onOurs: readonly string[];
  /** How our mount delivers there. */
  readonly mode?: string;
  /** The step of a program that must fail on our mount, because of a difference that we cannot mend. */
  readonly differences?: Readonly<Record<string, string>>;
}

const plans: readonly Plan[] = [
  {
    kernel: '7.2',
    lsm: 'none',
    onTheKernels: all,
    onOurs: ['calls', 'handles', 'death'],
    mode: 'passthrough',
  },
  {
    // No passthrough, no PIDFD_THREAD, no PROCMAP_QUERY: everything goes the slower way.
    kernel: '6.1',
    lsm: 'none',
    onTheKernels: all,
    onOurs: all,
    mode: 'store',
    // Before Linux 6.6 a file that refuses read(2) cannot be mapped.
    differences: { errors: 'expected read(from.fd' },
  },
  { kernel: '7.2', lsm: 'selinux', onTheKernels: ['manager'], onOurs: [] },
  { kernel: '6.1', lsm: 'selinux', onTheKernels: ['manager'], onOurs: [] },
];

const SERVE = `mkdir -p ${MOUNT}; node ${MAIN} up --mount ${MOUNT} >/run/ubinder.log 2>&1 &
  timeout 300 sh -c 'until grep ready /run/ubinder.log; do sleep 0.1; done'`.replace(/\s*\n\s*/, ' ');
const STATUS = `cat /run/ubinder.log >&2; node ${MAIN} status --mount ${MOUNT} --json`;

const reason = whyNoCompiler() ?? whyNoMachine();
if (reason) console.warn(`SKIPPED: native clients under other kernels: ${reason}`);

for (const { kernel, lsm, onTheKernels, onOurs, mode, differences = {} } of plans) {
  describe.skipIf(reason !== null)(`Linux ${kernel}, security module ${lsm}`, () => {
    let boot: Boot;
    const commands: (() => Promise<string>)[] = [];
    /** Adds a command to the boot. @returns its index there. */
    const add = (command: () => Promise<string>): number => commands.push(command) - 1;
    const run = async (name: string, device: string, args: string): Promise<string> => {
      const program = await compile(fileURLToPath(new URL(`../native/${name}.c`, import.meta.url)));
      // A copy, in memory: the host's files come by 9p, from where a mount of ours does not wait for a client's pages.
      return `cp ${program} /run/${name}; timeout -k 5 300 /run/${name} ${device} ${args}`;
    };

    const uname = add(async () => 'uname -r');
    beforeAll(async () => {
      const options = ['--kernel', kernel, '--lsm', lsm, '--seconds', '1200'];
      boot = new Boot(options, await Promise.all(commands.map((command) => command())));
      const { stdout } = await boot.result(uname);
      expect(stdout).toMatch(new RegExp(`^${kernel.replace('.', '\\.')}\\.`));
    });
    afterAll(() => boot?.stop());

    for (const [name, args] of programs) {
      if (!onTheKernels.includes(name)) continue;
      const index = add(() => run(name, '/dev/binder', `--kernel ${args}`));
      test(`the kernel's driver: ${name} ${args}`, async () => {
        const { code, stdout, stderr } = await boot.result(index);
        const output = stdout + stderr;
        expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`ok ${name}`) });
        const skipped = output.includes('skip manager: security contexts');
        expect(skipped).toBe(name === 'manager' && lsm === 'none');
      });
    }
    if (onOurs.length === 0) return;

    const serve = add(async () => SERVE);
    test('ours: ready', async () => {
      const { code, stdout, stderr } = await boot.result(serve);
      expect({ code, output: stdout + stderr }).toEqual({ code: 0, output: expect.stringContaining(MOUNT) });
    });
    for (const [name, , args] of programs) {
      if (!onOurs.includes(name)) continue;
      const index = add(() => run(name, `${MOUNT}/binder`, args));
      test(`ours: ${name} ${args}`, async () => {
        const { code, stdout, stderr } = await boot.result(index);
        const failing = differences[name];
        expect({ code, output: stdout + stderr }).toEqual({
          code: failing ? 1 : 0,
          output: expect.stringContaining(failing ?? `ok ${name}`),
        });
      });
    }
    const status = add(async () => STATUS);
    test('ours: nothing is left', async () => {
      const { code, stdout, stderr } = await boot.result(status);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const none = {
        processes: 0,
        threads: 0,
        sleeping: 0,
        nodes: 0,
        refs: 0,
        deaths: 0,
        transactions: 0,
        buffers: 0,
      };
      expect(JSON.parse(stdout)).toMatchObject({ mode, ...none });
    });
  });
}
