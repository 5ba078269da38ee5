import { ManagerProcess, type ManagerProcessOptions } from '../host/servicemanager/manager-process.ts';
import type { ServiceManagerOptions } from './servicemanager.ts';

/** Devices that have a service manager of Android's. */
const MANAGED = ['binder', 'vndbinder'];

/** What `ubinder up` is told of it. */
export interface MountManagerOptions extends ServiceManagerOptions {
  readonly devices: readonly string[];
  readonly serviceManager: boolean;
}

/**
 * Starts the service manager of a mount that is about to be served: it waits to be told.
 *
 * @returns `null` when there is to be none.
 */
export function startManager(
  mountPoint: string,
  options: MountManagerOptions,
  how: Omit<ManagerProcessOptions, 'args'>,
): ManagerProcess | null {
  const { android, androidUids, declared, policy } = options;
  const devices = options.devices.filter((name) => MANAGED.includes(name));
  if (!options.serviceManager || devices.length === 0) return null;
  const args = [
    ...[process.argv[1] as string, 'servicemanager', '--supervised', '--android', `${android}`],
    ...(androidUids ? ['--android-uids'] : []),
    ...(declared === undefined ? [] : ['--declared', declared]),
    ...(policy === undefined ? [] : ['--policy', policy]),
    ...devices.map((name) => `${mountPoint}/${name}`),
  ];
  return new ManagerProcess({ ...how, args });
}
