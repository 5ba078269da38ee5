import { AsyncLocalStorage } from 'node:async_hooks';
import { DeviceFile } from '../../host/linux/device-file.ts';
import { once } from '../../host/linux/once.ts';
import type { DeviceCarrier } from '../connections/device-carrier.ts';
import { LogicalCarrier } from '../connections/logical-carrier.ts';
import { WorkerCarrier } from '../connections/worker-carrier.ts';
import { BinderError } from '../parcel/errors.ts';
import { variantOf } from '../parcel/variant.ts';
import type { Call } from '../runtime/binder.ts';
import { setCallContext } from '../runtime/call-context.ts';
import { Connection, type ConnectionOptions } from '../runtime/connection.ts';
import { Services } from '../services/services.ts';
import { logIfAsked } from './debug-log.ts';
import { findDevice, parseLocator, refuseOwnMount } from './locator.ts';

/** Which device to connect to, and how. */
export interface ConnectOptions extends ConnectionOptions {
  /** A path, or `binder:/path?android=14`. Default: `$UBINDER`, else the first device that is found. */
  readonly device?: string;
  /**
   * What Binder threads are: `logical`, numbers, which only a ubinder daemon knows, as many as there are calls; or `workers`,
   * OS threads, on any device. Default: `logical` where the device has them.
   */
  readonly threads?: 'logical' | 'workers';
}

/** A connection to a device. */
export class DeviceConnection extends Connection {
  /** The path of the device. */
  readonly device: string;
  #services: Services | null = null;

  /** Use {@link connect}. */
  constructor(device: string, carrier: DeviceCarrier, options: ConnectionOptions) {
    super(carrier, options);
    this.device = device;
  }

  /** The services that the device's context manager knows. */
  get services(): Services {
    this.#services ??= new Services(this);
    return this.#services;
  }
}

/**
 * Connects this process to a Binder device, of `ubinder up`, of a Linux kernel, whatever: it is then a Binder process. Serving
 * and calls under way keep the process alive, an idle client does not.
 *
 * @param where - a path, a locator `binder:/path?android=14`, or options; default: `$UBINDER`, `/dev/binder`,
 *   `/dev/binderfs/binder`, `$XDG_RUNTIME_DIR/ubinder/binder`
 * @throws BinderError NAME_NOT_FOUND where there is no device; BAD_VALUE where it is none; PERMISSION_DENIED; OWN_MOUNT where this
 *   process serves it.
 *
 * @example
 * await using binder = await connect();
 * using chat = await binder.services.get(IChat, 'chat');
 * console.log(await chat.say('hello'));
 */
export async function connect(where: string | ConnectOptions = {}): Promise<DeviceConnection> {
  const options = typeof where === 'string' ? { device: where } : where;
  const { path, android } = options.device ? parseLocator(options.device) : findDevice(process.env);
  refuseOwnMount(path);
  keepCallContext();
  logIfAsked();
  let carrier: DeviceCarrier;
  try {
    carrier = openCarrier(path, options.threads);
  } catch (error) {
    throw explained(error, path);
  }
  return new DeviceConnection(path, carrier, {
    onError: (thrown) => process.emitWarning(thrown instanceof Error ? thrown : String(thrown)),
    ...(android ? { variant: variantOf(android) } : {}),
    ...options,
  });
}

function openCarrier(path: string, threads: ConnectOptions['threads']): DeviceCarrier {
  const device = new DeviceFile(path);
  try {
    const logical = threads === 'workers' ? null : LogicalCarrier.open(device);
    if (logical) return logical;
    if (threads === 'logical') {
      throw new BinderError('INVALID_OPERATION', `Cannot connect: ${path} has no logical threads`);
    }
    return new WorkerCarrier(device);
  } catch (error) {
    device.close();
    throw error;
  }
}

/** Which call a handler serves lasts through its awaits. */
const keepCallContext = once(() => {
  const storage = new AsyncLocalStorage<Call | null>();
  setCallContext({
    run: (call, body) => storage.run(call, body),
    current: () => storage.getStore() ?? null,
  });
});

function explained(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const options = { cause: error };
  if (code === 'ENOENT') {
    return new BinderError('NAME_NOT_FOUND', `Cannot connect: there is no ${path}`, options);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new BinderError(
      'PERMISSION_DENIED',
      `Cannot connect: ${path} may not be opened (${code})`,
      options,
    );
  }
  return error;
}
