import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { errorCode, LaunchError } from './failure.ts';
import { whyFuseIsClosed } from './fuse-device.ts';

/** Milliseconds until a private daemon must be ready; it takes some 200 on an idle machine. */
const READY_DEADLINE = 20_000;

/**
 * Starts `ubinder up` for this process alone. It is asked to go on by itself (`--detach`), in a session of its own so
 * that Ctrl-C does not reach it, and to stop when this process, which will be the command by then, has ended
 * (`--until-exit PID`), however it ends.
 *
 * @param up the command line of `ubinder up`, without options.
 * @param directory to mount on.
 * @throws LaunchError when it is not ready in time; what it had to say went to stderr.
 */
export function startPrivateDaemon(
  up: readonly string[],
  directory: string,
  devices: readonly string[],
): void {
  const own = [
    ...['--mount', directory, '--devices', devices.join(',')],
    // Said, so that root is not told of the default each time; the mount is for this command's processes alone.
    ...['--mode', '0666', '--detach', '--until-exit', `${process.pid}`],
  ];
  const { status, signal, error, stdout } = spawnSync(up[0] as string, [...up.slice(1), ...own], {
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
    timeout: READY_DEADLINE,
    cwd: '/',
  });
  if (errorCode(error) === 'ETIMEDOUT')
    throw new LaunchError(
      `Cannot start a private daemon: it was not ready within ${READY_DEADLINE / 1000} s; see \`ubinder doctor\``,
    );
  if (error)
    throw new LaunchError(`Cannot start a private daemon: ${error.message}`, undefined, { cause: error });
  if (status !== 0)
    throw new LaunchError(
      `Cannot start a private daemon: it ended with ${signal ?? `exit code ${status}`}; see the message above, and \`ubinder doctor\``,
    );
  if (!/^ubinder ready: /m.test(stdout))
    throw new LaunchError('Cannot start a private daemon: it did not say that it is ready');
}

/**
 * Fails with advice where a private daemon could not open /dev/fuse. Tried before namespaces are entered, since inside
 * everything that belongs to others looks like nobody's.
 *
 * @throws LaunchError.
 */
export function checkFuseDevice(): void {
  const why = whyFuseIsClosed();
  if (why === undefined) return;
  throw new LaunchError(
    `Cannot serve a private mount: ${why}; or serve as root by \`ubinder up\` and give its directory with --mount`,
  );
}

/** Fails for a directory that nothing can be served from. */
export function checkServed(directory: string): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(directory).isDirectory();
  } catch (cause) {
    throw notServed(directory, cause);
  }
  if (!isDirectory)
    throw new LaunchError(
      `Cannot use ${directory}: it is not a directory; give the directory of a mount, not a device in it`,
    );
}

/** The error for a mount that cannot be read. */
export function notServed(directory: string, cause: unknown): LaunchError {
  const code = errorCode(cause);
  const why =
    code === 'ENOTCONN' || code === 'ECONNABORTED'
      ? 'its daemon has ended'
      : code === 'ENOENT'
        ? 'there is no such directory'
        : (cause as Error).message;
  return new LaunchError(
    `Cannot use ${directory}: ${why}; start one by \`ubinder up --mount ${directory}\``,
    undefined,
    {
      cause,
    },
  );
}
