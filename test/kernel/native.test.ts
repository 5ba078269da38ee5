import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { Boot, whyNoMachine } from './boot.ts';

// The C programs of test/native under other kernels: on the kernel's own driver, which says whether they are right, and
// in the same boot on our mount, in each way that those kernels allow.

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const MOUNT = '/tmp/ubinder';

const programs: readonly (readonly [name: string, onTheKernels: string, onOurs: string])[] = [
  ['calls', '', ''],
  ['nested', '', ''],
  ['oneway', '', ''],
  ['handles', '', ''],
  ['poll', '', ''],
  ['mapping', '', ''],
  ['opens', '', ''],
  ['signals', '', ''],
  ['death', '', ''],
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
  /** What programs say that they leave out on our mount, because of a difference that we cannot mend. */
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
    mode: 'inject',
    // Before Linux 6.6 a file that refuses read(2) cannot be mapped.
    differences: { errors: 'skip errors: read(2)' },
  },
  { kernel: '7.2', lsm: 'selinux', onTheKernels: ['manager'], onOurs: [] },
  { kernel: '6.1', lsm: 'selinux', onTheKernels: ['manager'], onOurs: [] },
];

const SERVE =
  `mkdir -p ${MOUNT}; node ${MAIN} up --no-service-manager --mount ${MOUNT} >/run/ubinder.log 2>&1 &
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
        const output = stdout + stderr;
        expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`ok ${name}`) });
        const left = /^skip errors: read\(2\)/m.exec(output)?.[0];
        expect(left).toBe(differences[name]);
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
