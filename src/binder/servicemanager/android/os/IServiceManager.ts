// Written by `ubinder aidl` from android/os/IServiceManager.aidl: change that, not this.
import * as ub from '../../../runtime/index.ts';
import { ConnectionInfo } from './ConnectionInfo.ts';
import { IClientCallback } from './IClientCallback.ts';
import { IServiceCallback } from './IServiceCallback.ts';
import { Service } from './Service.ts';
import { ServiceDebugInfo } from './ServiceDebugInfo.ts';

/** Where services are found by name: the context manager of Android 16. */
export interface IServiceManager {
  /** The service, or null at once; one that can be started is. */
  getService(name: string, options?: ub.CallOptions): Promise<ub.Ref | null>;
  /** As getService, with what is known of the service. */
  getService2(name: string, options?: ub.CallOptions): Promise<Service>;
  /** The service if it is registered, else null. */
  checkService(name: string, options?: ub.CallOptions): Promise<ub.Ref | null>;
  /** As checkService, with what is known of the service. */
  checkService2(name: string, options?: ub.CallOptions): Promise<Service>;
  /** Registers a service, in place of any that has the name. */
  addService(
    name: string,
    service: ub.Ref,
    allowIsolated: boolean,
    dumpPriority: number,
    options?: ub.CallOptions,
  ): Promise<void>;
  /** The names of the services that have one of the priorities, sorted. */
  listServices(dumpPriority: number, options?: ub.CallOptions): Promise<string[]>;
  /** Tells `callback` now, if there is such a service, and whenever one is registered. */
  registerForNotifications(
    name: string,
    callback: ub.Ref<IServiceCallback>,
    options?: ub.CallOptions,
  ): Promise<void>;
  unregisterForNotifications(
    name: string,
    callback: ub.Ref<IServiceCallback>,
    options?: ub.CallOptions,
  ): Promise<void>;
  /** Whether the system's manifest says that there is or will be such a service. */
  isDeclared(name: string, options?: ub.CallOptions): Promise<boolean>;
  /** The instances that the manifest declares of an interface. */
  getDeclaredInstances(iface: string, options?: ub.CallOptions): Promise<string[]>;
  /** The APEX that a declared service comes from, if any. */
  updatableViaApex(name: string, options?: ub.CallOptions): Promise<string | null>;
  /** The services that an APEX brings. */
  getUpdatableNames(apexName: string, options?: ub.CallOptions): Promise<string[]>;
  /** Where a declared service is reached that another machine offers. */
  getConnectionInfo(name: string, options?: ub.CallOptions): Promise<ConnectionInfo | null>;
  /** Tells the service's own process when it gets its first client, and when it has none any more. */
  registerClientCallback(
    name: string,
    service: ub.Ref,
    callback: ub.Ref<IClientCallback>,
    options?: ub.CallOptions,
  ): Promise<void>;
  /** Unregisters a service that has no clients; refused where it has. */
  tryUnregisterService(name: string, service: ub.Ref, options?: ub.CallOptions): Promise<void>;
  /** Which process serves each service. */
  getServiceDebugInfo(options?: ub.CallOptions): Promise<ServiceDebugInfo[]>;
}

export namespace IServiceManager {
  /** What an implementation is made of. */
  export interface Handlers {
    getService(name: string, call: ub.Call): ub.Awaitable<ub.Ref | null>;
    getService2(name: string, call: ub.Call): ub.Awaitable<Service.Init>;
    checkService(name: string, call: ub.Call): ub.Awaitable<ub.Ref | null>;
    checkService2(name: string, call: ub.Call): ub.Awaitable<Service.Init>;
    addService(
      name: string,
      service: ub.Ref,
      allowIsolated: boolean,
      dumpPriority: number,
      call: ub.Call,
    ): ub.Awaitable<void>;
    listServices(dumpPriority: number, call: ub.Call): ub.Awaitable<ArrayLike<string>>;
    registerForNotifications(
      name: string,
      callback: ub.Ref<IServiceCallback>,
      call: ub.Call,
    ): ub.Awaitable<void>;
    unregisterForNotifications(
      name: string,
      callback: ub.Ref<IServiceCallback>,
      call: ub.Call,
    ): ub.Awaitable<void>;
    isDeclared(name: string, call: ub.Call): ub.Awaitable<boolean>;
    getDeclaredInstances(iface: string, call: ub.Call): ub.Awaitable<ArrayLike<string>>;
    updatableViaApex(name: string, call: ub.Call): ub.Awaitable<string | null>;
    getUpdatableNames(apexName: string, call: ub.Call): ub.Awaitable<ArrayLike<string>>;
    getConnectionInfo(name: string, call: ub.Call): ub.Awaitable<ConnectionInfo.Init | null>;
    registerClientCallback(
      name: string,
      service: ub.Ref,
      callback: ub.Ref<IClientCallback>,
      call: ub.Call,
    ): ub.Awaitable<void>;
    tryUnregisterService(name: string, service: ub.Ref, call: ub.Call): ub.Awaitable<void>;
    getServiceDebugInfo(call: ub.Call): ub.Awaitable<ArrayLike<ServiceDebugInfo.Init>>;
  }

  /** IServiceManager itself, with its constants and the types in it. */
  export interface Type extends ub.InterfaceType<IServiceManager, IServiceManager.Handlers> {
    readonly DUMP_FLAG_PRIORITY_CRITICAL: 1;
    readonly DUMP_FLAG_PRIORITY_HIGH: 2;
    readonly DUMP_FLAG_PRIORITY_NORMAL: 4;
    /** For services that say nothing of their priority. */
    readonly DUMP_FLAG_PRIORITY_DEFAULT: 8;
    readonly DUMP_FLAG_PRIORITY_ALL: 15;
    /** The service can dump itself as a protocol buffer. */
    readonly DUMP_FLAG_PROTO: 16;
    /** The service is started when it is asked for. */
    readonly FLAG_IS_LAZY_SERVICE: 1073741824;
  }
}

export const IServiceManager: IServiceManager.Type = ub.withMembers(
  ub.defineInterface('android.os.IServiceManager', {
    format: 1,
    methods: {
      getService: { code: 1, args: [['name', 'String']], returns: { nullable: 'IBinder' } },
      getService2: { code: 2, args: [['name', 'String']], returns: () => Service },
      checkService: { code: 3, args: [['name', 'String']], returns: { nullable: 'IBinder' } },
      checkService2: { code: 4, args: [['name', 'String']], returns: () => Service },
      addService: {
        code: 5,
        args: [
          ['name', 'String'],
          ['service', 'IBinder'],
          ['allowIsolated', 'boolean'],
          ['dumpPriority', 'int'],
        ],
      },
      listServices: { code: 6, args: [['dumpPriority', 'int']], returns: { array: 'String' } },
      registerForNotifications: {
        code: 7,
        args: [
          ['name', 'String'],
          ['callback', () => IServiceCallback],
        ],
      },
      unregisterForNotifications: {
        code: 8,
        args: [
          ['name', 'String'],
          ['callback', () => IServiceCallback],
        ],
      },
      isDeclared: { code: 9, args: [['name', 'String']], returns: 'boolean' },
      getDeclaredInstances: { code: 10, args: [['iface', 'String']], returns: { array: 'String' } },
      updatableViaApex: { code: 11, args: [['name', 'String']], returns: { nullable: 'String' } },
      getUpdatableNames: { code: 12, args: [['apexName', 'String']], returns: { array: 'String' } },
      getConnectionInfo: {
        code: 13,
        args: [['name', 'String']],
        returns: { nullable: () => ConnectionInfo },
      },
      registerClientCallback: {
        code: 14,
        args: [
          ['name', 'String'],
          ['service', 'IBinder'],
          ['callback', () => IClientCallback],
        ],
      },
      tryUnregisterService: {
        code: 15,
        args: [
          ['name', 'String'],
          ['service', 'IBinder'],
        ],
      },
      getServiceDebugInfo: { code: 16, returns: { array: () => ServiceDebugInfo } },
    },
  }),
  {
    DUMP_FLAG_PRIORITY_CRITICAL: 1,
    DUMP_FLAG_PRIORITY_HIGH: 2,
    DUMP_FLAG_PRIORITY_NORMAL: 4,
    DUMP_FLAG_PRIORITY_DEFAULT: 8,
    DUMP_FLAG_PRIORITY_ALL: 15,
    DUMP_FLAG_PROTO: 16,
    FLAG_IS_LAZY_SERVICE: 1073741824,
  },
);
