import { readMountTable, resolveLinks } from './mount.ts';

/** The FUSE connections that this process serves. */
const own = new Set<number>();

/** Says that this process serves a FUSE connection (`FuseMount.connection`), until it is disposed of. */
export function servesMount(connection: number): Disposable {
  own.add(connection);
  return { [Symbol.dispose]: () => void own.delete(connection) };
}

/**
 * The mount point into which a path leads, if this process serves it: to open such a path would be to wait for oneself. The mount
 * itself is not looked at.
 */
export function ownMountOf(path: string): string | null {
  if (own.size === 0) return null;
  const mountPoints = readMountTable()
    .filter(({ device }) => own.has(device))
    .map(({ mountPoint }) => mountPoint);
  const isInside = (directory: string): boolean => mountPoints.some((point) => leadsInto(directory, point));
  const resolved = resolveLinks(path, isInside);
  return mountPoints.find((point) => leadsInto(resolved, point)) ?? null;
}

function leadsInto(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
