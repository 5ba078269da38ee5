import type { Device } from './device.ts';
import { CONTROL_NAME, type DeviceTable, FEATURES_NAME } from './device-table.ts';
import { FEATURES } from './features.ts';

export const ROOT_NODE = 1;
export const CONTROL_NODE = 2;
export const FEATURES_NODE = 3;
const FIRST_FEATURE_NODE = 16;
const FIRST_DEVICE_NODE = 256;

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
export type FileNode = 'root' | 'control' | 'features' | { readonly feature: string } | DeviceNode;

/** The nodes that the kernel knows. */
export class NodeTable {
  readonly #devices: DeviceTable;
  readonly #deviceNodes = new Map<number, DeviceNode>();
  #lastNode = FIRST_DEVICE_NODE - 1;

  constructor(devices: DeviceTable) {
    this.#devices = devices;
  }

  get(nodeid: number): FileNode | undefined {
    switch (nodeid) {
      case ROOT_NODE:
        return 'root';
      case CONTROL_NODE:
        return 'control';
      case FEATURES_NODE:
        return 'features';
      default: {
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
    if (parent !== ROOT_NODE) return 0;
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
    yield entry('..', ROOT_NODE, true);
    if (nodeid === FEATURES_NODE) {
      for (const [i, name] of FEATURES.entries()) yield entry(name, FIRST_FEATURE_NODE + i, false);
      return;
    }
    yield entry(CONTROL_NAME, CONTROL_NODE, false);
    yield entry(FEATURES_NAME, FEATURES_NODE, true);
    for (const { name, minor } of this.#devices) {
      yield { name, ino: FIRST_DEVICE_NODE + minor, isDirectory: false, position: position + 1 + minor };
    }
  }
}
