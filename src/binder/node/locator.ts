import { accessSync, constants } from 'node:fs';
import { ownMountOf } from '../../host/linux/own-mounts.ts';
import { BinderError } from '../parcel/errors.ts';
import type { AndroidVersion } from '../parcel/variant.ts';

/** Where a device is, and what is spoken there. */
export interface Locator {
  readonly path: string;
  readonly android?: AndroidVersion;
}

/**
 * Understands `binder:/path?android=14`, or a path alone.
 *
 * @throws BinderError BAD_VALUE
 */
export function parseLocator(text: string): Locator {
  const bad = (why: string): never => {
    throw new BinderError('BAD_VALUE', `Cannot connect to ${JSON.stringify(text)}: ${why}`);
  };
  if (text.startsWith('/')) return { path: text };
  if (!text.startsWith('binder:')) {
    return bad('give the path of a device, or binder:/path, or binder:/path?android=14');
  }
  const [path = '', query] = text.slice('binder:'.length).split('?', 2);
  if (!path.startsWith('/')) return bad('the path must be absolute');
  if (query === undefined) return { path };
  const android = /^android=(1[1-6])$/.exec(query)?.[1];
  if (!android) return bad(`known after the ? is android=11 to android=16, not ${query}`);
  return { path, android: Number(android) as AndroidVersion };
}

const USUAL_PATHS = ['/dev/binder', '/dev/binderfs/binder'];

/**
 * The device to connect to when nobody says: `$UBINDER`, else the first that is there of `/dev/binder`,
 * `/dev/binderfs/binder` and `$XDG_RUNTIME_DIR/ubinder/binder`.
 *
 * @throws BinderError NAME_NOT_FOUND that lists what was tried; OWN_MOUNT.
 */
export function findDevice(environment: NodeJS.ProcessEnv, usual: readonly string[] = USUAL_PATHS): Locator {
  if (environment.UBINDER) return parseLocator(environment.UBINDER);
  const runtime = environment.XDG_RUNTIME_DIR;
  const paths = [...usual, ...(runtime ? [`${runtime}/ubinder/binder`] : [])];
  for (const path of paths) {
    refuseOwnMount(path);
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
      return { path };
    } catch {
      // the next
    }
  }
  throw new BinderError(
    'NAME_NOT_FOUND',
    `Cannot connect: $UBINDER is not set, and none of ${paths.join(', ')} can be opened; \`ubinder up\` serves devices, \`ubinder run\` a program with devices of its own`,
  );
}

/**
 * To open a device of a mount is to wait for who serves it.
 *
 * @throws BinderError OWN_MOUNT when that is this process.
 */
export function refuseOwnMount(path: string): void {
  const mountPoint = ownMountOf(path);
  if (mountPoint === null) return;
  throw new BinderError(
    'OWN_MOUNT',
    `Cannot connect to ${path}: this process serves ${mountPoint}, and would wait for itself; connect from another process`,
  );
}
