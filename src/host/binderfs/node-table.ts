import { LOG_NAMES, type Log, type Logs } from './binder-logs/logs.ts';
import type { Device } from './device.ts';
import { CONTROL_NAME, type DeviceTable, FEATURES_NAME, LOGS_NAME } from './device-table.ts';
import { FEATURES } from './features.ts';

export const ROOT_NODE = 1;
export const CONTROL_NODE = 2;
export const FEATURES_NODE = 3;
export const LOGS_NODE = 4;
export const PROC_LOGS_NODE = 5;
const FIRST_LOG_NODE = 6;
const FIRST_FEATURE_NODE = 16;
const FIRST_DEVICE_NODE = 256;
/** The node of a process's log is this and its id: no mount sees as many look-ups of devices. */
const FIRST_PROC_LOG_NODE = 2 ** 40;
const PROC_NAME = 'proc';

/**
 * A device as one LOOKUP found it. Each LOOKUP makes one with an id of its own, because a client's mapping is told by
 * its inode: two opens of one inode could not be told apart. So at most one open goes with it.
 */
export interface DeviceNode {
  readonly nodeid: number;
  readonly device: Device;
  lookups: number;
  isOpen: boolean;
}

/** A name in a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  readonly isDirectory: boolean;
  /** Counts from 1, with gaps. */
  readonly position: number;
}

/** What a node id stands for. */
export type FileNode =
  | 'root'
  | 'control'
  | 'features'
  | 'logs'
  | 'proc logs'
  | { readonly feature: string }
  | { readonly log: Log }
  | DeviceNode;

/** The nodes that the kernel knows. */
export class NodeTable {
  readonly #devices: DeviceTable;
  readonly #deviceNodes = new Map<number, DeviceNode>();
  readonly #logs: Logs | null;
  #lastNode = FIRST_DEVICE_NODE - 1;

  /** @param logs - `null` for a mount without */
  constructor(devices: DeviceTable, logs: Logs | null) {
    this.#devices = devices;
    this.#logs = logs;
  }

  get(nodeid: number): FileNode | undefined {
    switch (nodeid) {
      case ROOT_NODE:
        return 'root';
      case CONTROL_NODE:
        return 'control';
      case FEATURES_NODE:
        return 'features';
      case LOGS_NODE:
        return this.#logs ? 'logs' : undefined;
      case PROC_LOGS_NODE:
        return this.#logs ? 'proc logs' : undefined;
      default: {
        if (nodeid >= FIRST_PROC_LOG_NODE) return { log: nodeid - FIRST_PROC_LOG_NODE };
        const log = LOG_NAMES[nodeid - FIRST_LOG_NODE];
        if (log !== undefined) return { log };
        const feature = FEATURES[nodeid - FIRST_FEATURE_NODE];
        return feature === undefined ? this.#deviceNodes.get(nodeid) : { feature };
      }
    }
  }

  /** The node of `name` in a directory: 0 when there is none. A device gets a fresh one. */
  lookup(parent: number, name: string): number {
    if (parent === FEATURES_NODE) {
      const index = FEATURES.indexOf(name);
      return index === -1 ? 0 : FIRST_FEATURE_NODE + index;
    }
    if (this.#logs && parent === LOGS_NODE) {
      if (name === PROC_NAME) return PROC_LOGS_NODE;
      const index = (LOG_NAMES as readonly string[]).indexOf(name);
      return index === -1 ? 0 : FIRST_LOG_NODE + index;
    }
    if (this.#logs && parent === PROC_LOGS_NODE) {
      const pid = Number(name);
      return this.#logs.pids.includes(pid) && name === `${pid}` ? FIRST_PROC_LOG_NODE + pid : 0;
    }
    if (parent !== ROOT_NODE) return 0;
    if (this.#logs && name === LOGS_NAME) return LOGS_NODE;
    if (name === CONTROL_NAME) return CONTROL_NODE;
    if (name === FEATURES_NAME) return FEATURES_NODE;
    const device = this.#devices.get(name);
    if (!device) return 0;
    const nodeid = ++this.#lastNode;
    this.#deviceNodes.set(nodeid, { nodeid, device, lookups: 1, isOpen: false });
    return nodeid;
  }

  /** The kernel dropped `count` references to a node. */
  forget(nodeid: number, count: number): void {
    const node = this.#deviceNodes.get(nodeid);
    if (!node) return;
    node.lookups -= count;
    if (node.lookups <= 0) this.#deviceNodes.delete(nodeid);
  }

  /**
   * What is in a directory, for READDIR; a device's node id is its minor number's, as none is looked up. Entries keep
   * their positions whatever comes and goes, so that none is left out while others are removed.
   */
  *list(nodeid: number): Generator<DirectoryEntry> {
    let position = 0;
    const entry = (name: string, ino: number, isDirectory: boolean): DirectoryEntry => ({
      name,
      ino,
      isDirectory,
      position: ++position,
    });
    yield entry('.', nodeid, true);
    yield entry('..', nodeid === PROC_LOGS_NODE ? LOGS_NODE : ROOT_NODE, true);
    if (nodeid === FEATURES_NODE) {
      for (const [i, name] of FEATURES.entries()) yield entry(name, FIRST_FEATURE_NODE + i, false);
      return;
    }
    if (nodeid === LOGS_NODE) {
      for (const [i, name] of LOG_NAMES.entries()) yield entry(name, FIRST_LOG_NODE + i, false);
      yield entry(PROC_NAME, PROC_LOGS_NODE, true);
      return;
    }
    if (nodeid === PROC_LOGS_NODE) {
      const pids = (this.#logs as Logs).pids.sort((a, b) => a - b);
      for (const pid of pids)
        yield {
          name: `${pid}`,
          ino: FIRST_PROC_LOG_NODE + pid,
          isDirectory: false,
          position: position + pid,
        };
      return;
    }
    yield entry(CONTROL_NAME, CONTROL_NODE, false);
    yield entry(FEATURES_NAME, FEATURES_NODE, true);
    if (this.#logs) yield entry(LOGS_NAME, LOGS_NODE, true);
    for (const { name, minor } of this.#devices) {
      yield { name, ino: FIRST_DEVICE_NODE + minor, isDirectory: false, position: position + 1 + minor };
    }
  }
}
