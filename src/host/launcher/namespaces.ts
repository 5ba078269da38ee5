import { spawnSync } from 'node:child_process';
import { errorCode, LaunchError } from './failure.ts';
import { flags, mount, unshare } from './syscalls.ts';

/** How the command will see its own user id inside a new user namespace. */
export type Mapping = 'same-user' | 'as-root';

/** A way into a new user and mount namespace: a program that execs the arguments which follow it. */
export interface UserNamespace {
  readonly argv: readonly string[];
  readonly mapping: Mapping;
}

/**
 * Gives the calling thread, its later child processes and what it execs a mount namespace of their own. Mounts made
 * inside stay inside; unmounts outside come in, so that a long-running command does not keep a disk busy.
 *
 * Call on the main thread, and touch files synchronously afterwards: other threads stay outside.
 *
 * @returns false when that needs a right (CAP_SYS_ADMIN) which this process does not have.
 */
export function enterMountNamespace(): boolean {
  try {
    unshare(flags.CLONE_NEWNS);
  } catch (error) {
    if (errorCode(error) === 'EPERM') return false;
    throw error;
  }
  try {
    mount('none', '/', null, flags.MS_REC | flags.MS_SLAVE);
  } catch (cause) {
    throw new LaunchError(
      `Cannot detach from the machine's mounts: ${(cause as Error).message}; a security policy forbids mounting here, in Docker add --security-opt apparmor=unconfined`,
      undefined,
      { cause },
    );
  }
  return true;
}

/** What {@link tryUserNamespace} found: a way that works, or why none does. */
export type UserNamespaceAttempt = { readonly way: UserNamespace } | { readonly failure: string };

/**
 * The kernel gives a new user namespace only to a process with one thread, which Node.js never is. So unshare(1) makes
 * it, and executes what comes next. Two ways are tried, each by really running it:
 *
 * - util-linux 2.35 and newer keep the user's own id and hand the capabilities on;
 * - older ones, and busybox, map the user to root, as `fakeroot` does.
 *
 * @param uid a user to try it as, where this process may choose.
 */
export function tryUserNamespace(uid?: number): UserNamespaceAttempt {
  let failure = '';
  for (const way of userNamespaceWays) {
    const { status, error, stderr } = spawnSync(way.argv[0] as string, [...way.argv.slice(1), 'true'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: 10_000,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    if (status === 0) return { way };
    if (errorCode(error) === 'ENOENT')
      return { failure: 'there is no `unshare` program: install util-linux' };
    failure = stderr?.trim() || error?.message || `exit code ${status}`;
  }
  return { failure: `${failure}: ${userNamespaceAdvice(failure)}` };
}

/**
 * {@link tryUserNamespace} for somebody who cannot go on without.
 *
 * @throws LaunchError that says what is missing.
 */
export function findUserNamespace(): UserNamespace {
  const found = tryUserNamespace();
  if ('way' in found) return found.way;
  throw new LaunchError(
    `Cannot make a user namespace: ${found.failure}; or run as root, see \`ubinder doctor\``,
  );
}

function userNamespaceAdvice(failure: string): string {
  // The kernel says ENOSPC when the user has as many as allowed, and 0 may be allowed.
  if (failure.includes('No space left')) return 'raise sysctl user.max_user_namespaces';
  return 'allow them by sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu) or kernel.unprivileged_userns_clone=1 (older Debian)';
}

const COMMON = ['unshare', '--user', '--mount', '--propagation', 'slave'] as const;

/** The ways that {@link findUserNamespace} tries, best first. */
export const userNamespaceWays: readonly UserNamespace[] = [
  { argv: [...COMMON, '--map-current-user', '--keep-caps'], mapping: 'same-user' },
  { argv: [...COMMON, '--map-root-user'], mapping: 'as-root' },
];
