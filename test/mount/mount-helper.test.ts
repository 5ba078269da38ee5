import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { inPlayground, isAlive, MAIN, type Outcome, type Playground, until } from '../support/cli.ts';
import { whyNot } from '../support/mount.ts';

// mount(8) finds the helper for `fuse.ubinder` in /sbin, which is the test's own in a mount namespace of its own.

const HELPER = fileURLToPath(new URL('../../dist/cli/mount-helper.js', import.meta.url));

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: mount.fuse.ubinder, root: ${reason}`);

/** Runs a script as root where the helper is in /sbin; it finds the directory to mount on as `$dir`. */
async function withHelper(place: Playground, mount: string, script: string): Promise<Outcome> {
  const sbin = place.path('sbin');
  mkdirSync(sbin);
  symlinkSync(HELPER, `${sbin}/mount.fuse.ubinder`);
  const begin = 'set -e; mount --bind "$1" /sbin; dir=$2; node=$3; main=$4; fstab=$5';
  const args = [sbin, mount, process.execPath, MAIN, place.path('fstab')];
  const outcome = await place.run(['unshare', '-m', 'sh', '-c', `${begin}\n${script}`, 'sh', ...args]);
  // Where the script failed before it could unmount
  for (const [, pid] of outcome.stdout.matchAll(/\(pid (\d+)/g)) {
    if (outcome.code !== 0 && isAlive(Number(pid))) process.kill(Number(pid), 'SIGTERM');
    await until(() => !isAlive(Number(pid)));
  }
  return outcome;
}

describe.skipIf(reason !== null)('mount.fuse.ubinder', { concurrent: true }, () => {
  test(
    'serves for mount -t until it is unmounted',
    inPlayground(async (place, mount) => {
      const { code, stdout, stderr } = await withHelper(
        place,
        mount,
        `mount -v -t fuse.ubinder none "$dir" -o nosuid,max=3,stats=global,devices=binder:my,mode=0600
         ls "$dir"
         stat -c %a "$dir/my" "$dir/binder_logs/state"
         trap 'kill $servers; wait' EXIT
         for role in manager echo; do
           "$node" "$main" demo $role --device "$dir/binder" > "$fstab.$role" & servers="$servers $!"
           until grep -qs . "$fstab.$role"; do sleep 0.1; done
         done
         "$node" "$main" demo call --device "$dir/binder" "as from fstab"
         trap - EXIT
         kill $servers; wait
         umount "$dir"`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(
        new RegExp(
          `^ubinder ready: ${mount} \\(pid \\d+\\)\\nbinder\\nbinder-control\\nbinder_logs\\nfeatures\\nmy\\n600\\n\\d+\\n` +
            'as from fstab \\(said by pid \\d+, uid 0\\)\\n$',
        ),
      );
    }),
  );

  test(
    'serves what fstab says',
    inPlayground(async (place, mount) => {
      writeFileSync(
        place.path('fstab'),
        `ubinder ${mount} fuse.ubinder defaults,_netdev,nofail,x-systemd.requires=network.target,max=2,devices=one,mode=0666 0 0\n`,
      );
      const { code, stdout, stderr } = await withHelper(
        place,
        mount,
        `mount -T "$fstab" "$dir"
         "$node" "$main" status --mount "$dir"
         umount "$dir"
         ls "$dir"`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^${mount} \\(pid \\d+, \\w+, up \\d+ s\\): one\\n`));
    }),
  );

  test(
    'says what is wrong with the exit codes of mount(8)',
    inPlayground(async (place, mount) => {
      const { code, stdout, stderr } = await withHelper(
        place,
        mount,
        `try() { mount "$@" || echo $?; }
         try -t fuse.ubinder none "$dir" -o odd=1
         try -t fuse.ubinder none "$dir" -o max=many
         try -t fuse.ubinder none "$dir" -o ro
         touch "$dir/file"
         try -t fuse.ubinder none "$dir"
         rm "$dir/file"
         mount -f -t fuse.ubinder none "$dir"
         ls "$dir"`,
      );
      expect({ code, stdout }).toEqual({ code: 0, stdout: '1\n1\n1\n32\n' });
      expect(stderr.trim().split('\n')).toEqual([
        expect.stringMatching(/^mount\.fuse\.ubinder: Unknown option odd=1: known are max=/),
        expect.stringMatching(/^mount\.fuse\.ubinder: .*--max-devices.*'many' is invalid/),
        expect.stringMatching(/^mount\.fuse\.ubinder: Cannot mount with the option ro: /),
        expect.stringMatching(/^mount\.fuse\.ubinder: .*not empty; name an empty directory/),
      ]);
    }),
  );
});
