import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IdentityError, identify, UNMAPPED_UID } from './identity.ts';
import { asUser, hasProgram, Partner, python } from './partner.test-support.ts';

const isRoot = process.getuid?.() === 0;
const canNest = isRoot && hasProgram('unshare', '--user', '--map-root-user', '--pid', '--fork', 'true');

/** Says its name and stays; the innermost process of what `unshare` makes. */
const SAY_AND_STAY = ['sh', '-c', 'echo here; exec cat'];

/** The last process of a chain of first children. */
function innermost(pid: number): number {
  for (;;) {
    const [child] = childrenOf(pid);
    if (child === undefined) return pid;
    pid = child;
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

async function nested(...options: string[]): Promise<{ partner: Partner; pid: number }> {
  const partner = new Partner('unshare', [...options, ...SAY_AND_STAY]);
  await partner.line();
  return { partner, pid: innermost(partner.pid) };
}

describe('identify', () => {
  it('tells who we are', () => {
    const self = identify(process.pid);
    expect(self.pid).toBe(process.pid);
    expect(self.tid).toBe(process.pid);
    expect(self.pids).toEqual([process.pid]);
    expect(self.executable).toBe(process.execPath);
    expect(self.name.length).toBeGreaterThan(0);
    expect(self.userNamespace).toBe(Number(/\d+/.exec(readlinkSync('/proc/self/ns/user'))?.[0]));
    expect(self.pidNamespaces).toEqual([Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0])]);
  });

  it('gives the label that the kernel gives', () => {
    let label: string | null = null;
    try {
      label = readFileSync('/proc/self/attr/current', 'utf8').replace(/[\n\0]+$/, '') || null;
    } catch {
      // No security module
    }
    expect(identify(process.pid).label).toBe(label);
  });

  it.each([0, -1])('refuses thread %d, which nobody can see', (tid) => {
    expect(() => identify(tid)).toThrow(IdentityError);
    expect(() => identify(tid)).toThrow(expect.objectContaining({ code: 'ERR_CALLER_INVISIBLE' }));
  });

  it('says when a thread is gone', async () => {
    const partner = new Partner('sleep', ['60']);
    const { pid } = partner;
    await partner.stop();
    expect(() => identify(pid)).toThrow(expect.objectContaining({ code: 'ERR_CALLER_GONE' }));
  });

  it.skipIf(!hasProgram('python3', '--version'))('finds the process of a thread, and odd names', async () => {
    await using partner = python(`
import threading, time
def stay():
    tid = threading.get_native_id()
    open(f'/proc/self/task/{tid}/comm', 'wb').write('a\\\\b \\n\\u00e9'.encode())
    print(tid, flush=True)
    time.sleep(60)
threading.Thread(target=stay, daemon=True).start()
time.sleep(60)`);
    const [tid] = (await partner.numbers()) as [number];
    expect(tid).not.toBe(partner.pid);
    const identity = identify(tid);
    expect(identity).toMatchObject({ tid, pid: partner.pid, pids: [partner.pid] });
    expect(identity.executable).toMatch(/python/);
    expect(identity.name).toBe('a\\b \né');
  });
});

describe('pidSeenBy and euidSeenBy', () => {
  it('change nothing between processes in our namespaces', async () => {
    await using partner = new Partner('sleep', ['60']);
    const self = identify(process.pid);
    const other = identify(partner.pid);
    expect(other.pidSeenBy(self)).toBe(partner.pid);
    expect(self.pidSeenBy(other)).toBe(process.pid);
    expect(self.euidSeenBy(other, 1234)).toBe(1234);
    expect(self.euidSeenBy(other, 0xffff_ffff)).toBe(0xffff_ffff);
  });

  describe.skipIf(!canNest)('with namespaces', () => {
    it('translate pids to the namespaces of the viewer', async () => {
      // One namespace in ours, a second in that, and a sibling of the first
      const outer = new Partner('unshare', [
        '--pid',
        '--fork',
        '--kill-child',
        'sh',
        '-c',
        'exec 3<&0; unshare --pid --fork sh -c "echo; exec cat" <&3 & echo; wait',
      ]);
      const sibling = await nested('--pid', '--fork', '--kill-child');
      try {
        await outer.line();
        await outer.line();
        const [first] = childrenOf(outer.pid) as [number];
        const self = identify(process.pid);
        const a = identify(first);
        const b = identify(innermost(first));
        const c = identify(sibling.pid);

        expect(a.pids).toEqual([first, 1]);
        expect(b.pids.length).toBe(3);
        expect(b.pids[2]).toBe(1);
        expect(b.pidNamespaces.slice(0, 2)).toEqual(a.pidNamespaces);
        expect(a.pidNamespaces[0]).toBe(self.pidNamespaces[0]);
        expect(c.pids).toEqual([sibling.pid, 1]);

        // Inwards everything is invisible, outwards all have their names there
        expect(a.pidSeenBy(self)).toBe(first);
        expect(b.pidSeenBy(self)).toBe(b.pid);
        expect(b.pidSeenBy(a)).toBe(b.pids[1]);
        expect(b.pids[1]).toBeGreaterThan(1);
        expect(a.pidSeenBy(a)).toBe(1);
        expect(b.pidSeenBy(b)).toBe(1);
        expect(self.pidSeenBy(a)).toBe(0);
        expect(self.pidSeenBy(b)).toBe(0);
        expect(a.pidSeenBy(b)).toBe(0);
        // The same depth, but strangers
        expect(c.pidSeenBy(a)).toBe(0);
        expect(a.pidSeenBy(c)).toBe(0);
        expect(b.pidSeenBy(c)).toBe(0);
      } finally {
        await sibling.partner.stop();
        await outer.stop();
      }
    });

    it('translate user ids through the map of the viewer', async () => {
      const { partner, pid } = await nested('--user');
      try {
        const self = identify(process.pid);
        const viewer = identify(pid);
        expect(viewer.userNamespace).not.toBe(self.userNamespace);
        // No map yet
        expect(self.euidSeenBy(viewer, 0)).toBe(UNMAPPED_UID);
        writeFileSync(`/proc/${pid}/uid_map`, '0 1000 1\n100 5000 10\n');
        expect(self.euidSeenBy(viewer, 1000)).toBe(0);
        expect(self.euidSeenBy(viewer, 5000)).toBe(100);
        expect(self.euidSeenBy(viewer, 5009)).toBe(109);
        expect(self.euidSeenBy(viewer, 5010)).toBe(UNMAPPED_UID);
        expect(self.euidSeenBy(viewer, 0)).toBe(UNMAPPED_UID);
        expect(viewer.euidSeenBy(self, 1000)).toBe(1000);
      } finally {
        await partner.stop();
      }
    });

    it('translate user ids through nested maps', async () => {
      const { partner, pid } = await nested(
        '--user',
        '--map-root-user',
        'unshare',
        '--user',
        '--map-user=77',
      );
      try {
        const viewer = identify(pid);
        expect(identify(process.pid).euidSeenBy(viewer, process.getuid?.() ?? 0)).toBe(77);
      } finally {
        await partner.stop();
      }
    });

    it.skipIf(!hasProgram('setpriv', '--version'))('see other users as root does', async () => {
      await using partner = new Partner('setpriv', ['--reuid=1234', '--clear-groups', ...SAY_AND_STAY]);
      await partner.line();
      const other = identify(partner.pid);
      expect(other.pid).toBe(partner.pid);
      expect(other.executable).not.toBeNull();
    });

    it('make do with what another user may know', async () => {
      await using partner = new Partner('cat');
      const { partner: inner, pid } = await nested('--pid', '--fork', '--kill-child');
      try {
        const seen: (readonly [number, readonly number[], string | null, number])[] = [];
        asUser(1234, () => {
          for (const each of [partner.pid, pid]) {
            const { pid, pidNamespaces, executable, userNamespace } = identify(each);
            seen.push([pid, pidNamespaces, executable, userNamespace]);
          }
        });
        const self = identify(process.pid);
        expect(seen[0]).toEqual([partner.pid, self.pidNamespaces, null, 0]);
        expect(seen[1]).toEqual([pid, [], null, 0]);
      } finally {
        await inner.stop();
      }
    });
  });
});
