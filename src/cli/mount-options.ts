import { CliError, EXIT } from './exit-code.ts';

// The options of `mount -o` and fstab, as the options of `ubinder up`.

/** What `ubinder up` calls each of our own options; these take a value. */
const OWN: ReadonlyMap<string, string> = new Map([
  ['max', '--max-devices'],
  ['stats', '--stats'],
  ['devices', '--devices'],
  ['mode', '--mode'],
  ['uid', '--owner'],
  ['gid', '--group'],
  ['label', '--label'],
  ['policy', '--policy'],
  ['spin', '--spin'],
]);

/** Without it there is none, as on the kernel's binderfs: its open devices would keep umount(8) from unmounting. */
const WITH_MANAGER = 'service-manager';

/**
 * Options of every file system that ask for nothing here: they are for mount(8) or systemd, are so anyway (`nosuid`,
 * `nodev`), or are about what the mount does not have (programs to execute, times, data to write back).
 */
const IGNORED: ReadonlySet<string> = new Set(
  [
    ['defaults', 'rw', 'auto', 'noauto', 'user', 'nouser', 'users', 'owner', 'group', 'nofail', '_netdev'],
    ['suid', 'nosuid', 'dev', 'nodev', 'exec', 'noexec', 'allow_other', 'default_permissions'],
    ['sync', 'async', 'dirsync', 'silent', 'loud', 'mand', 'nomand', 'iversion', 'noiversion'],
    ['atime', 'noatime', 'diratime', 'nodiratime', 'relatime', 'norelatime', 'strictatime', 'nostrictatime'],
    ['lazytime', 'nolazytime'],
  ].flat(),
);

/** `x-systemd.automount`, `X-mount.mkdir`, `comment=`, and what mount(8) notes for itself. */
const NOTES = /^([xX]-|(comment|user|helper|uhelper)=)/;

/** What every file system can be asked for and this one cannot give. */
const IMPOSSIBLE: ReadonlyMap<string, string> = new Map([
  ['ro', 'clients could not open the devices for writing; see mode= and policy='],
  ['remount', 'options hold for as long as it is served; unmount it first'],
]);

/**
 * Translates the options of a mount.
 *
 * @param text what follows `-o`: options with commas between them. A value in double quotes may have commas. Device
 *   names have colons between them, `devices=binder:hwbinder`.
 * @param isSloppy whether options that nobody knows are passed over (`mount -s`).
 * @returns arguments of `ubinder up`.
 * @throws CliError for an option that is unknown, has no value, or cannot be had.
 */
export function upOptions(text: string, isSloppy: boolean): string[] {
  const args: string[] = [];
  let isManaged = false;
  for (const option of text.match(/([^,"]|"[^"]*("|$))+/g) ?? []) {
    const [name, value] = parts(option);
    const own = OWN.get(name);
    if (own !== undefined) {
      if (!value)
        throw new CliError(`Cannot use the option ${name}: give it a value, ${name}=...`, EXIT.usage);
      args.push(`${own}=${name === 'devices' ? value.replaceAll(':', ',') : value}`);
      continue;
    }
    if (option === WITH_MANAGER) {
      isManaged = true;
      continue;
    }
    if (IGNORED.has(option) || NOTES.test(option)) continue;
    const why = IMPOSSIBLE.get(option);
    if (why !== undefined) throw new CliError(`Cannot mount with the option ${option}: ${why}`, EXIT.usage);
    if (isSloppy) continue;
    throw new CliError(
      `Unknown option ${option}: known are ${[...OWN.keys(), WITH_MANAGER].join('=, ')}`,
      EXIT.usage,
    );
  }
  return isManaged ? args : [...args, '--no-service-manager'];
}

function parts(option: string): [name: string, value: string | undefined] {
  const at = option.indexOf('=');
  if (at === -1) return [option, undefined];
  return [option.slice(0, at), option.slice(at + 1).replaceAll('"', '')];
}
