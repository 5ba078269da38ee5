import type { AndroidVersion } from '../parcel/variant.ts';
import type { CallOptions, IBinder, Ref } from '../runtime/binder.ts';
import { defineInterface, type InterfaceType } from '../runtime/interface.ts';

/** Told when a service is added: `android.os.IServiceCallback`. */
export interface IServiceCallback {
  onRegistration(name: string, binder: Ref<IBinder>, options?: CallOptions): Promise<void>;
}

export const IServiceCallback: InterfaceType<IServiceCallback> = defineInterface(
  'android.os.IServiceCallback',
  {
    format: 1,
    methods: {
      onRegistration: {
        code: 1,
        oneway: true,
        args: [
          ['name', 'String'],
          ['binder', 'IBinder'],
        ],
      },
    },
  },
);

/** Of `android.os.IServiceManager` what clients and services need. */
export interface IServiceManager {
  checkService(name: string, options?: CallOptions): Promise<Ref<IBinder> | null>;
  addService(
    name: string,
    service: Ref<IBinder>,
    allowIsolated: boolean,
    dumpPriority: number,
    options?: CallOptions,
  ): Promise<void>;
  listServices(dumpPriority: number, options?: CallOptions): Promise<string[]>;
  registerForNotifications(
    name: string,
    callback: Ref<IServiceCallback>,
    options?: CallOptions,
  ): Promise<void>;
  unregisterForNotifications(
    name: string,
    callback: Ref<IServiceCallback>,
    options?: CallOptions,
  ): Promise<void>;
  isDeclared(name: string, options?: CallOptions): Promise<boolean>;
}

/** The manager's interface as a release of Android has it: the codes moved when Android 16 added getService2 and checkService2. */
export function serviceManagerOf(android: AndroidVersion): InterfaceType<IServiceManager> {
  const after = android >= 16 ? 2 : 0;
  return defineInterface('android.os.IServiceManager', {
    format: 1,
    methods: {
      checkService: {
        code: android >= 16 ? 3 : 2,
        args: [['name', 'String']],
        returns: { nullable: 'IBinder' },
      },
      addService: {
        code: 3 + after,
        args: [
          ['name', 'String'],
          ['service', 'IBinder'],
          ['allowIsolated', 'boolean'],
          ['dumpPriority', 'int'],
        ],
      },
      listServices: { code: 4 + after, args: [['dumpPriority', 'int']], returns: { array: 'String' } },
      registerForNotifications: {
        code: 5 + after,
        args: [
          ['name', 'String'],
          ['callback', () => IServiceCallback],
        ],
      },
      unregisterForNotifications: {
        code: 6 + after,
        args: [
          ['name', 'String'],
          ['callback', () => IServiceCallback],
        ],
      },
      isDeclared: { code: 7 + after, args: [['name', 'String']], returns: 'boolean' },
    },
  });
}
