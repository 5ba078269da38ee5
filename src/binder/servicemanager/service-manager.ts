import { BinderError, SecurityError } from '../parcel/errors.ts';
import { asBinder, type Call, dup, type Ref, release } from '../runtime/binder.ts';
import type { Connection } from '../runtime/connection.ts';
import type { ConnectionInfo } from './android/os/ConnectionInfo.ts';
import type { IClientCallback } from './android/os/IClientCallback.ts';
import type { IServiceCallback } from './android/os/IServiceCallback.ts';
import { IServiceManager } from './android/os/IServiceManager.ts';
import type { Service } from './android/os/Service.ts';
import type { ServiceDebugInfo } from './android/os/ServiceDebugInfo.ts';
import { type AndroidRelease, serviceManagerOf } from './codes.ts';
import { Declarations, type DeclaredService } from './declarations.ts';
import { RegisteredService } from './registered-service.ts';
import { Registrations } from './registrations.ts';
import { isServiceName } from './service-name.ts';

declare function setInterval(callback: () => void, milliseconds: number): { unref?(): void };
declare function clearInterval(timer: unknown): void;

/** How often it looks whether services have lost their last clients, in milliseconds: Android's. */
const CLIENTS_INTERVAL = 5000;

/** Strong counts that are not clients': the service manager's own, and one of the call that is being served. */
const OWN_COUNT = 1;
const OWN_COUNT_IN_CALL = 2;

/** The name under which it knows itself. */
const OWN_NAME = 'manager';

/** Who may do what with services, besides Android's own rules. */
export interface ServiceAccess {
  /** Whether the caller may be the service of that name. */
  mayAdd(call: Call, name: string): boolean;
  /** Whether the caller may get the service of that name, and wait for it. */
  mayFind(call: Call, name: string): boolean;
  /** Whether the caller may see the names. */
  mayList(call: Call): boolean;
}

/** How a {@link ServiceManager} behaves. */
export interface ServiceManagerOptions {
  /** Default: everybody may do everything. */
  readonly access?: ServiceAccess;
  /** Services that are declared. Default: none. */
  readonly declared?: readonly DeclaredService[];
  /** Starts a service that was asked for and is not there. Called often: it may be starting already. Default: nothing. */
  readonly start?: (name: string, call: Call) => void;
  /** The release whose transaction codes are spoken. Default: the connection's. */
  readonly android?: AndroidRelease;
  /**
   * Whether user ids mean what they mean on Android: from 10000 apps, which add no services; from 99000 isolated ones, which
   * see only those that allow it. Default: no, since elsewhere they are people.
   */
  readonly androidUids?: boolean;
  /** Whether calls carry the caller's label, for `access`; a kernel without labels then refuses all calls. Default: no. */
  readonly requestSid?: boolean;
  /** Told what an administrator might want to know. Default: nobody. */
  readonly log?: (message: string) => void;
  /** Milliseconds between looks whether services have lost their last clients. Default: 5000. */
  readonly clientsInterval?: number;
}

const EVERYBODY: ServiceAccess = { mayAdd: () => true, mayFind: () => true, mayList: () => true };

/**
 * Android's service manager: the context manager that knows services by name, tells who waits for them, and tells lazy
 * ones whether they have clients. It is an object like any other: everybody reaches it as handle 0 of its device.
 *
 * What is refused, in which order and with which words, is as in Android 16.
 *
 * @example
 * const manager = await ServiceManager.serve(await connect('/dev/binder'));
 */
export class ServiceManager implements IServiceManager.Handlers, Disposable {
  readonly #connection: Connection;
  readonly #access: ServiceAccess;
  readonly #declared: Declarations;
  readonly #start: (name: string, call: Call) => void;
  readonly #log: (message: string) => void;
  readonly #androidUids: boolean;
  readonly #services = new Map<string, RegisteredService>();
  readonly #waiting = new Registrations<IServiceCallback>();
  readonly #clientCallbacks = new Registrations<IClientCallback>();
  readonly #timer: unknown;

  /** @param connection - the device that it manages; it is the manager only after {@link serve} */
  constructor(connection: Connection, options: ServiceManagerOptions = {}) {
    this.#connection = connection;
    this.#access = options.access ?? EVERYBODY;
    this.#declared = new Declarations(options.declared);
    this.#start = options.start ?? (() => {});
    this.#log = options.log ?? (() => {});
    this.#androidUids = options.androidUids ?? false;
    const timer = setInterval(() => void this.lookForClients(), options.clientsInterval ?? CLIENTS_INTERVAL);
    timer.unref?.();
    this.#timer = timer;
  }

  /**
   * Becomes the context manager of a connection's device.
   *
   * @throws BinderError ALREADY_EXISTS when the device has one, PERMISSION_DENIED when this process may not be it.
   */
  static async serve(connection: Connection, options: ServiceManagerOptions = {}): Promise<ServiceManager> {
    const manager = new ServiceManager(connection, options);
    const { android = connection.variant.android, requestSid = false } = options;
    const object = serviceManagerOf(android).implement(manager, { requestSid });
    manager.#addItself(object);
    try {
      await connection.becomeContextManager(object);
    } catch (error) {
      manager[Symbol.dispose]();
      throw error;
    }
    connection.closed.addEventListener('abort', () => manager[Symbol.dispose](), { once: true });
    return manager;
  }

  /** As Android's: tools that ask for each service that is listed find it among them. */
  #addItself(object: Ref<IServiceManager>): void {
    const { pid, uid } = this.#connection.carrier.identity;
    const call = { pid, uid, sid: null, oneway: false };
    const { DUMP_FLAG_PRIORITY_DEFAULT } = IServiceManager;
    this.#services.set(OWN_NAME, new RegisteredService(dup(object), false, DUMP_FLAG_PRIORITY_DEFAULT, call));
  }

  /** Knows no services any more, and looks for no clients. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const service of this.#services.values()) service[Symbol.dispose]();
    this.#services.clear();
    this.#waiting[Symbol.dispose]();
    this.#clientCallbacks[Symbol.dispose]();
  }

  // ---- finding

  async getService(name: string, call: Call): Promise<Ref | null> {
    return (await this.#find(name, call, true))?.object ?? null;
  }

  async checkService(name: string, call: Call): Promise<Ref | null> {
    return (await this.#find(name, call, false))?.object ?? null;
  }

  getService2(name: string, call: Call): Promise<Service.Init> {
    return this.#describe(name, call, true);
  }

  checkService2(name: string, call: Call): Promise<Service.Init> {
    return this.#describe(name, call, false);
  }

  async #describe(name: string, call: Call, start: boolean): Promise<Service.Init> {
    const accessor = this.#declared.find(name)?.accessor;
    if (accessor !== undefined) {
      const isVisible = this.#access.mayFind(call, name);
      const found = isVisible ? await this.#find(accessor, call, start) : null;
      return { tag: 'accessor', value: found?.object ?? null };
    }
    const found = await this.#find(name, call, start);
    const value = { service: found?.object ?? null, isLazyService: found?.isLazy ?? false };
    return { tag: 'serviceWithMetadata', value };
  }

  async #find(name: string, call: Call, start: boolean): Promise<RegisteredService | null> {
    const service = this.#services.get(name);
    if (service && !service.allowIsolated && this.#isIsolated(call)) {
      this.#log(`uid ${call.uid} is isolated and was not given ${name}`);
      return null;
    }
    if (!this.#access.mayFind(call, name)) return null;
    if (!service) {
      if (start) this.#start(name, call);
      return null;
    }
    await this.#promiseClient(name, service);
    // It may have gone, or been replaced, meanwhile.
    return this.#services.get(name) ?? null;
  }

  listServices(dumpPriority: number, call: Call): string[] {
    this.#checkMayList(call);
    const names: string[] = [];
    for (const [name, service] of this.#services) if (service.dumpPriority & dumpPriority) names.push(name);
    return names.sort();
  }

  getServiceDebugInfo(call: Call): ServiceDebugInfo.Init[] {
    this.#checkMayList(call);
    return [...this.#services.keys()]
      .sort()
      .map((name) => ({ name, debugPid: this.#services.get(name)?.pid }));
  }

  // ---- adding

  async addService(
    name: string,
    object: Ref,
    allowIsolated: boolean,
    dumpPriority: number,
    call: Call,
  ): Promise<void> {
    const added = new RegisteredService(object, allowIsolated, dumpPriority, call);
    try {
      this.#checkMayAdd(call, name);
      if (!isServiceName(name)) throw illegal('Invalid service name.');
    } catch (error) {
      added[Symbol.dispose]();
      throw error;
    }
    if ((dumpPriority & IServiceManager.DUMP_FLAG_PRIORITY_ALL) === 0) {
      this.#log(`${name} was added without a dump priority`);
    }
    const existing = this.#services.get(name);
    if (existing) {
      this.#log(
        `${name}, of pid ${existing.pid} (uid ${existing.uid}), is registered again by pid ${call.pid} (uid ${call.uid})`,
      );
      added.hasClients = existing.hasClients;
      existing[Symbol.dispose]();
    }
    this.#services.set(name, added);
    added.watch(() => {
      if (this.#services.get(name) === added) this.#services.delete(name);
      added[Symbol.dispose]();
    });
    if (!this.#waiting.has(name)) return;
    await this.#promiseClient(name, added);
    for (const callback of this.#waiting.of(name)) this.#tell(callback.onRegistration(name, added.object));
  }

  async tryUnregisterService(name: string, object: Ref, call: Call): Promise<void> {
    using _ = object;
    this.#checkPolicyAdd(call, name);
    const service = this.#services.get(name);
    if (!service) throw illegalState('Service not registered.');
    if (service.pid !== call.pid) throw unsupported('Service can only unregister itself.');
    if (service.key !== asBinder(object)) {
      throw illegalState('Different service registered under this name.');
    }
    if (service.clientIsPromised) throw illegalState("Can't unregister, pending client.");
    if (await this.#updateClients(name, service, OWN_COUNT_IN_CALL, false)) {
      // It is not to try again at once: somebody is about to use it.
      service.clientIsPromised = true;
      throw illegalState("Can't unregister, known client.");
    }
    if (this.#services.get(name) !== service) return;
    this.#services.delete(name);
    service[Symbol.dispose]();
  }

  // ---- waiting

  registerForNotifications(name: string, callback: Ref<IServiceCallback>, call: Call): void {
    try {
      this.#checkMayFind(call, name);
      if (this.#isIsolated(call)) throw new SecurityError('isolated app');
      if (!isServiceName(name)) throw illegal('Invalid service name.');
    } catch (error) {
      release(callback);
      throw error;
    }
    this.#waiting.add(name, callback);
    const service = this.#services.get(name);
    if (service) this.#tell(callback.onRegistration(name, service.object));
  }

  unregisterForNotifications(name: string, callback: Ref<IServiceCallback>, call: Call): void {
    using _ = callback;
    this.#checkMayFind(call, name);
    if (!this.#waiting.remove(name, callback)) throw illegalState('Nothing to unregister.');
  }

  // ---- clients of lazy services

  async registerClientCallback(
    name: string,
    object: Ref,
    callback: Ref<IClientCallback>,
    call: Call,
  ): Promise<void> {
    using _ = object;
    let service: RegisteredService | undefined;
    try {
      this.#checkPolicyAdd(call, name);
      service = this.#services.get(name);
      if (!service) throw illegal("Service doesn't exist.");
      if (service.pid !== call.pid) {
        throw unsupported('Only service can register client callback for itself.');
      }
      if (service.key !== asBinder(object)) throw illegal('Service mismatch.');
    } catch (error) {
      release(callback);
      throw error;
    }
    if (service.hasClients) this.#tell(callback.onClients(service.object, true));
    this.#clientCallbacks.add(name, callback);
    await this.#updateClients(name, service, OWN_COUNT_IN_CALL, false);
  }

  /** Tells lazy services that have lost their last clients, or got their first: done every now and then. */
  async lookForClients(): Promise<void> {
    for (const [name, service] of [...this.#services]) {
      await this.#updateClients(name, service, OWN_COUNT, true);
    }
  }

  /** Somebody is being given the service: it has a client from now on, whatever the driver counts. */
  async #promiseClient(name: string, service: RegisteredService): Promise<void> {
    service.clientIsPromised = true;
    await this.#updateClients(name, service, OWN_COUNT_IN_CALL, false);
    service.clientIsPromised = true;
  }

  /**
   * Compares the driver's counts with what the service was told, and tells it what is new.
   *
   * @param known - counts that are no clients'
   * @param mayLose - whether it is told that there are none any more: not at every opportunity, lest it starts and stops
   * @returns whether it has clients; always where nobody wants to know, or the driver does not say
   */
  async #updateClients(
    name: string,
    service: RegisteredService,
    known: number,
    mayLose: boolean,
  ): Promise<boolean> {
    if (!this.#clientCallbacks.has(name)) return true;
    const count = await this.#connection.strongCount(service.object);
    if (count === null || this.#services.get(name) !== service) return true;
    const hasClients = count > known;
    if (service.clientIsPromised) {
      if (!service.hasClients && !hasClients) this.#tellClients(name, service, true);
      service.clientIsPromised = false;
    }
    if (hasClients && !service.hasClients) this.#tellClients(name, service, true);
    if (mayLose && !hasClients && service.hasClients) this.#tellClients(name, service, false);
    return service.hasClients;
  }

  #tellClients(name: string, service: RegisteredService, hasClients: boolean): void {
    service.hasClients = hasClients;
    for (const callback of this.#clientCallbacks.of(name)) {
      this.#tell(callback.onClients(service.object, hasClients));
    }
  }

  // ---- what is declared

  isDeclared(name: string, call: Call): boolean {
    this.#checkMayFind(call, name);
    return this.#declared.find(name) !== undefined;
  }

  getDeclaredInstances(interfaceName: string, call: Call): string[] {
    const all = this.#declared.instancesOf(interfaceName);
    return this.#visible(all, call, (instance) => `${interfaceName}/${instance}`);
  }

  updatableViaApex(name: string, call: Call): string | null {
    this.#checkMayFind(call, name);
    return this.#declared.find(name)?.apex ?? null;
  }

  getUpdatableNames(apexName: string, call: Call): string[] {
    return this.#visible(this.#declared.broughtBy(apexName), call, (name) => name);
  }

  getConnectionInfo(name: string, call: Call): ConnectionInfo.Init | null {
    this.#checkMayFind(call, name);
    const connection = this.#declared.find(name)?.connection;
    return connection ? { ipAddress: connection.address, port: connection.port } : null;
  }

  #visible(all: string[], call: Call, nameOf: (one: string) => string): string[] {
    const visible = all.filter((one) => this.#access.mayFind(call, nameOf(one)));
    if (visible.length === 0 && all.length > 0) throw denied();
    return visible;
  }

  // ---- rules

  #checkMayAdd(call: Call, name: string): void {
    if (this.#androidUids && appId(call.uid) >= FIRST_APP) {
      throw new SecurityError('App UIDs cannot add services.');
    }
    this.#checkPolicyAdd(call, name);
  }

  #checkPolicyAdd(call: Call, name: string): void {
    if (!this.#access.mayAdd(call, name)) throw denied();
  }

  #checkMayFind(call: Call, name: string): void {
    if (!this.#access.mayFind(call, name)) throw new SecurityError('SELinux denied for service.');
    const accessor = this.#declared.find(name)?.accessor;
    if (accessor !== undefined && !this.#access.mayFind(call, accessor)) {
      throw new SecurityError('SELinux denied for the accessor of the service.');
    }
  }

  #checkMayList(call: Call): void {
    if (!this.#access.mayList(call)) throw denied();
  }

  #isIsolated(call: Call): boolean {
    const id = appId(call.uid);
    return this.#androidUids && id >= FIRST_ISOLATED && id <= LAST_ISOLATED;
  }

  /** A oneway call to a callback, whose process may be gone or frozen: that is its own affair. */
  #tell(call: Promise<void>): void {
    call.catch(() => {});
  }
}

/** User ids of Android: each user has a hundred thousand. */
const PER_USER = 100_000;
const FIRST_APP = 10_000;
const FIRST_ISOLATED = 99_000;
const LAST_ISOLATED = 99_999;

function appId(uid: number): number {
  return uid % PER_USER;
}

function denied(): SecurityError {
  return new SecurityError('SELinux denied.');
}

function illegal(message: string): BinderError {
  return new BinderError('ILLEGAL_ARGUMENT', message);
}

function illegalState(message: string): BinderError {
  return new BinderError('ILLEGAL_STATE', message);
}

function unsupported(message: string): BinderError {
  return new BinderError('UNSUPPORTED_OPERATION', message);
}
