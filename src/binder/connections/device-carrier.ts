import { BINDER_CURRENT_PROTOCOL_VERSION, BINDER_FREEZE, BINDER_VERSION } from '../../abi/binder.ts';
import type { MappedArea } from '../../host/linux/area.ts';
import type { DeviceFile } from '../../host/linux/device-file.ts';
import { BinderError } from '../parcel/errors.ts';
import type {
  BinderThread,
  Carrier,
  CarrierFiles,
  Commands,
  LoopThread,
  ThreadEvents,
  TurnBudget,
} from '../runtime/seam.ts';
import { DeviceLoopThread } from './loop-thread.ts';
import { ioctlInWorker } from './worker-thread.ts';

/** Bytes that a mapping has by libbinder's default: 1 MiB less two pages. */
const MAPPING_SIZE = 1024 * 1024 - 8192;

/** What the carriers of devices have in common: all but the threads. */
export abstract class DeviceCarrier implements Carrier {
  readonly identity: { readonly pid: number; readonly uid: number } = {
    pid: process.pid,
    uid: process.geteuid?.() ?? 0,
  };
  abstract readonly maxThreads: number;
  abstract readonly maxCallers: number;
  abstract readonly files: CarrierFiles;
  abstract readonly budget: TurnBudget;
  protected readonly device: DeviceFile;
  readonly #mapping: MappedArea;
  #loopThread: LoopThread | null = null;
  #isClosed = false;

  /** @throws BinderError BAD_VALUE when it is no Binder device, SystemCallError when it cannot be mapped. */
  constructor(device: DeviceFile) {
    checkVersion(device);
    this.device = device;
    this.#mapping = device.map(MAPPING_SIZE);
  }

  abstract write(commands: Commands): void;
  abstract openThread(events: ThreadEvents): BinderThread;
  abstract keepAlive(isNeeded: boolean): void;
  /** Ends all threads. The device is closed when this has resolved. */
  protected abstract end(): Promise<void> | null;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  ioctl(command: number, argument: Uint8Array): number | Promise<number> {
    if (command !== BINDER_FREEZE) return this.device.ioctl(command, argument);
    // It may take its time.
    return ioctlInWorker(this.device.fd, command, argument);
  }

  openLoopThread(events: ThreadEvents): LoopThread {
    this.#loopThread = new DeviceLoopThread(this.device, events);
    return this.#loopThread;
  }

  view(address: number, length: number): Uint8Array {
    const at = address - this.#mapping.address;
    return this.#mapping.bytes.subarray(at, at + length);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loopThread?.exit();
    const ended = this.end();
    if (ended) void ended.then(() => this.#closeDevice());
    else this.#closeDevice();
  }

  #closeDevice(): void {
    this.#mapping.release();
    this.device.close();
  }
}

function checkVersion(device: DeviceFile): void {
  const version = new Int32Array(1);
  const errno = device.ioctl(BINDER_VERSION, new Uint8Array(version.buffer));
  if (errno !== 0) {
    throw new BinderError('BAD_VALUE', `Cannot connect: ${device.path} is no Binder device (errno ${errno})`);
  }
  if (version[0] === BINDER_CURRENT_PROTOCOL_VERSION) return;
  throw new BinderError(
    'BAD_VALUE',
    `Cannot connect: ${device.path} speaks version ${version[0]} of the protocol, not ${BINDER_CURRENT_PROTOCOL_VERSION}`,
  );
}
