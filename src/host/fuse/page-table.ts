/** Files there can be; later ones are not in the table, and the rescue answers their READs with EIO. */
const CAPACITY = 65_536;

const FIELDS = 4;

/** Where the bytes of a served file lie in this process. */
export interface ServedPages {
  readonly address: number;
  /** Bytes of the file that come before those at `address`. */
  readonly base: number;
  /** Bytes at `address`. */
  readonly size: number;
}

/**
 * The memory behind files that clients map and whose pages we answer READs for, by node: readable by the rescue while
 * the serving thread is stuck. One thread writes, others may read at any time.
 *
 * ```text
 *    0     8        16        24     32     40
 *    ├─────┼────────┼─────────┼──────┼──────┼─ ... one entry after the other; address 0: free
 *    │ end │ nodeid │ address │ base │ size │
 * ```
 */
export class PageTable {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Float64Array;
  readonly #entries = new Map<number, number>();
  readonly #free: number[] = [];
  #end = 0;

  /** @param shared of the table that another thread writes; a new one otherwise. */
  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(8 * (1 + FIELDS * CAPACITY))) {
    this.shared = shared;
    this.#numbers = new Float64Array(shared);
  }

  set(nodeid: number, { address, base, size }: ServedPages): void {
    let at = this.#entries.get(nodeid);
    if (at === undefined) {
      at = this.#free.pop() ?? this.#end++;
      if (at >= CAPACITY) return void this.#end--;
      this.#entries.set(nodeid, at);
    }
    const numbers = this.#numbers;
    const first = 1 + at * FIELDS;
    numbers[first + 1] = 0;
    numbers[first] = nodeid;
    numbers[first + 2] = base;
    numbers[first + 3] = size;
    numbers[first + 1] = address;
    numbers[0] = this.#end;
  }

  delete(nodeid: number): void {
    const at = this.#entries.get(nodeid);
    if (at === undefined) return;
    this.#entries.delete(nodeid);
    this.#free.push(at);
    this.#numbers[1 + at * FIELDS + 1] = 0;
  }

  /** For any thread. */
  find(nodeid: number): ServedPages | null {
    const numbers = this.#numbers;
    const end = numbers[0] as number;
    for (let at = 0; at < end; at++) {
      const first = 1 + at * FIELDS;
      const address = numbers[first + 1] as number;
      if (numbers[first] !== nodeid || address === 0) continue;
      return { address, base: numbers[first + 2] as number, size: numbers[first + 3] as number };
    }
    return null;
  }
}
