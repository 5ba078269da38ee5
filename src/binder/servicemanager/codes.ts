import { spec } from '../parcel/type-spec.ts';
import { defineInterface, type InterfaceType } from '../runtime/interface.ts';
import type { InterfaceTable } from '../runtime/interface-table.ts';
import { IServiceManager } from './android/os/IServiceManager.ts';

/** Releases of Android whose service manager has transaction codes of its own. */
export const ANDROID_RELEASES = [11, 12, 13, 14, 15, 16] as const;
/** One of {@link ANDROID_RELEASES}. */
export type AndroidRelease = (typeof ANDROID_RELEASES)[number];

type Method = keyof IServiceManager;

/** The methods in the order of their codes, from 1: each release has put new ones between those there were. */
function methodsOf(release: AndroidRelease): Method[] {
  const since = (first: AndroidRelease, ...methods: Method[]): Method[] => (release >= first ? methods : []);
  return [
    'getService',
    ...since(16, 'getService2'),
    'checkService',
    ...since(16, 'checkService2'),
    'addService',
    'listServices',
    'registerForNotifications',
    'unregisterForNotifications',
    'isDeclared',
    ...since(12, 'getDeclaredInstances', 'updatableViaApex'),
    ...since(14, 'getUpdatableNames'),
    ...since(13, 'getConnectionInfo'),
    'registerClientCallback',
    'tryUnregisterService',
    ...since(12, 'getServiceDebugInfo'),
  ];
}

const types = new Map<AndroidRelease, InterfaceType<IServiceManager, IServiceManager.Handlers>>([
  [16, IServiceManager],
]);

/** The service manager's interface with the transaction codes of an Android release; 15 and 14 have the same. */
export function serviceManagerOf(
  release: AndroidRelease,
): InterfaceType<IServiceManager, IServiceManager.Handlers> {
  let type = types.get(release);
  if (!type) {
    const { format, methods } = IServiceManager[spec] as InterfaceTable;
    const renumbered = methodsOf(release).map((name, i) => [name, { ...methods[name], code: i + 1 }]);
    type = defineInterface<IServiceManager, IServiceManager.Handlers>(IServiceManager.descriptor, {
      format,
      methods: Object.fromEntries(renumbered),
    });
    types.set(release, type);
  }
  return type;
}
