import type { PageFigures } from './reclaimer.ts';

/** What a daemon tells of itself on its control socket. */
export interface Status {
  readonly pid: number;
  readonly mountPoint: string;
  /** How received data gets to clients. */
  readonly mode: 'passthrough' | 'inject' | 'store';
  readonly devices: readonly string[];
  readonly processes: number;
  readonly threads: number;
  /** Threads asleep in a read. */
  readonly sleeping: number;
  readonly nodes: number;
  readonly refs: number;
  readonly deaths: number;
  readonly transactions: number;
  readonly buffers: number;
  /** What the clients' mappings take; `null` in store mode, where pages cannot be given back. */
  readonly pages: PageFigures | null;
  /** Open descriptors of the daemon itself. */
  readonly descriptors: number;
  /** Who listens to reports of transactions that went wrong. */
  readonly reportListeners: number;
  /** Seconds since it began to serve. */
  readonly uptime: number;
}
