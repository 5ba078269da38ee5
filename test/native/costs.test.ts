import { getPriority } from 'node:os';
import { describe, expect, test } from 'vitest';
import { canCountSyscalls, countSyscalls } from '../bench/syscalls.mjs';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';
import { slowness } from '../support/slowness.ts';

// What a call of 256 bytes without descriptors costs, libbinder's way: counted, because times depend on the machine.

/** System calls of the daemon: three requests read and answered, their commands and answers copied, both mappings looked at. */
const SYSCALLS: Readonly<Record<string, number>> = {
  read: 3,
  write: 3,
  process_vm_readv: 3,
  process_vm_writev: 3,
  ioctl: 2,
  // Binder's own rule: who has a worse nice value than the node wants, 0 here, is given that for the call.
  ...(getPriority() > 0 && { setpriority: 2 }),
};
/** Where data is delivered by stores each delivery is a notification as well. */
const STORES = 2;

/** Each of the three ioctls may put its caller to sleep once. */
const SLEEPS = 3;

/** Less than one more for every call; what the daemon does so many times a second adds to it when the machine is slow. */
const SLACK = 0.9;

/** What the daemon looks at some times a second it looks at in every call of a machine that is that slow. */
function whyTooSlow(): string | null {
  return slowness > 1 ? 'an emulated machine is too slow for it' : null;
}

const modes: readonly Mode[] = ['root', 'root-inject', 'root-store', 'rootless', 'rootless-store'];
const storing: readonly Mode[] = ['root-store', 'rootless-store'];
const unavailable =
  whyNoCompiler() ?? (canCountSyscalls() ? null : 'strace is not installed') ?? whyTooSlow();
for (const mode of modes) {
  const reason = unavailable ?? whyNot(mode);
  if (reason) console.warn(`SKIPPED: costs of a call, ${mode}: ${reason}`);
  describe.skipIf(reason !== null)(`a call, ${mode}`, () => {
    test('makes no more system calls and context switches than it has to', async () => {
      await using mount = await TestMount.start(mode, { seconds: 180 });
      const program = await compile(new URL('../bench/call.c', import.meta.url).pathname);
      const command = [program, mount.device()];
      const counts = await countSyscalls(mount, mount.where(command));
      for (const [name, count] of Object.entries(counts)) {
        const stores = storing.includes(mode) && name === 'write' ? STORES : 0;
        expect.soft(count, name).toBeLessThan((SYSCALLS[name] ?? 0) + stores + SLACK);
      }
      expect(Object.keys(counts)).toEqual(expect.arrayContaining(Object.keys(SYSCALLS)));

      const { output } = await mount.run([...command, '--calls=2000', '--warmup=200']);
      const said = JSON.parse(output) as Record<string, number>;
      const sleeps = ['client', 'server'].map((who) => said[`${who}_voluntary_switches_per_call`] as number);
      expect(sleeps.reduce((sum, count) => sum + count)).toBeLessThan(SLEEPS + SLACK);
    });
  });
}
