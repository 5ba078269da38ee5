/** What an entry of /dev is, as far as putting it back matters. */
export interface DevEntry {
  readonly name: string;
  readonly kind: 'directory' | 'symlink' | 'file';
  /** Where a symlink leads. */
  readonly target?: string;
}

/** One step of rebuilding /dev in a private tmpfs. */
export type DevStep =
  | { readonly step: 'bind'; readonly name: string; readonly kind: 'directory' | 'file' }
  | { readonly step: 'link'; readonly name: string; readonly target: string }
  /** /dev/ptmx finds its /dev/pts by the path that it was opened by, so that a bound one opens nothing. */
  | { readonly step: 'ptmx' };

/** The directory below /dev where our devices are. */
export const BINDERFS = 'binderfs';

/** The directory below the private /dev that holds what the launcher itself needs. */
export const PRIVATE = '.ubinder';

/** The devices Android has, and the ones that are served when nobody says otherwise. */
export const DEFAULT_DEVICES: readonly string[] = ['binder', 'hwbinder', 'vndbinder'];

/** What a binderfs holds beside devices. */
const NOT_DEVICES: readonly string[] = ['binder-control', 'features', 'binder_logs'];

/**
 * How the entries of the machine's /dev come back in the private one. Left out are entries that ours replace: the
 * directory {@link BINDERFS} and the names in `ours`.
 */
export function planDev(entries: readonly DevEntry[], ours: readonly string[]): DevStep[] {
  const replaced = new Set([BINDERFS, PRIVATE, ...ours]);
  const steps: DevStep[] = [];
  for (const { name, kind, target } of entries) {
    if (replaced.has(name)) continue;
    // In a /dev that is a private one already, ptmx may be a link into what is replaced.
    const isOwnLink = kind === 'symlink' && target?.startsWith(`${PRIVATE}/`);
    if (name === 'ptmx' && (kind === 'file' || isOwnLink)) steps.push({ step: 'ptmx' });
    else if (kind === 'symlink') steps.push({ step: 'link', name, target: target ?? '' });
    else steps.push({ step: 'bind', name, kind });
  }
  return steps;
}

/**
 * Which of the served devices appear in /dev itself. A device whose name the machine uses for something else (somebody
 * may serve one called `null`) is reached through /dev/binderfs only; Android's own names are always ours.
 */
export function devicesInDev(devices: readonly string[], entries: readonly DevEntry[]): string[] {
  const taken = new Set(entries.map((entry) => entry.name));
  return devices.filter((name) => DEFAULT_DEVICES.includes(name) || !taken.has(name));
}

/** The devices among the entries of a served mount. */
export function devicesOf(mountEntries: readonly DevEntry[]): string[] {
  return mountEntries
    .filter((entry) => entry.kind !== 'directory' && !NOT_DEVICES.includes(entry.name))
    .map((entry) => entry.name);
}

/** The locator for TypeScript clients: the device called `binder`, otherwise the first one. */
export function locator(devices: readonly string[]): string {
  const device = devices.includes('binder') ? 'binder' : (devices[0] ?? 'binder');
  return `binder:/dev/${BINDERFS}/${device}`;
}
