import { readFileSync } from 'node:fs';

/** Descriptors that are the daemon's own, and those that it needs for a moment: to look at a client, to be asked. */
const RESERVE = 64;

/**
 * The part of the kernel's limit on memory mappings that opens may take: one each, and as many gaps between them once
 * some are closed. With none left the daemon's next allocation would be its last.
 */
const MAPPINGS_SHARE = 1 / 4;

/** What the daemon takes of the system for clients. */
export interface Usage {
  /** Opens of devices: a descriptor and a memory mapping each. */
  readonly opens: number;
  /** Threads watched for their end: a descriptor each. */
  readonly threads: number;
  /** Open files on their way from client to client: a descriptor each. */
  readonly files: number;
}

/**
 * How many clients the daemon has room for. Any client may open devices as often as it likes, and have as many threads:
 * beyond the limits its opens are refused, and those who are there already do not notice.
 */
export class Room {
  readonly #descriptors: number;
  readonly #opens: number;

  constructor(descriptors: number = maxDescriptors(), mappings: number = maxMappings()) {
    this.#descriptors = descriptors - RESERVE;
    this.#opens = mappings * MAPPINGS_SHARE;
  }

  /** Whether a device may be opened once more; while it is opened that takes another descriptor. */
  forOpen({ opens, threads, files }: Usage): boolean {
    return opens < this.#opens && opens + threads + files + 2 <= this.#descriptors;
  }

  /** Whether another thread may be watched: those of opens that were let in have half of the reserve, too. */
  forThread({ opens, threads, files }: Usage): boolean {
    return opens + threads + files + 1 <= this.#descriptors + RESERVE / 2;
  }

  /** Whether another open file may be taken: they have half of what opens and threads leave, so that those go on. */
  forFile({ opens, threads, files }: Usage): boolean {
    return files + 1 <= (this.#descriptors - opens - threads) / 2;
  }
}

/** RLIMIT_NOFILE: Node.js has raised the soft limit to the hard one. */
function maxDescriptors(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

function maxMappings(): number {
  return Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'));
}
