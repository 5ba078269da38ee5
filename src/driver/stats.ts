/** How many objects of a kind were made and how many of them still exist. */
export class ObjectCount {
  active = 0;
  total = 0;

  create(): void {
    this.active++;
    this.total++;
  }

  delete(): void {
    this.active--;
  }
}

/** Counters of commands by their number in binder.h, and of the driver's objects. */
export class Stats {
  /** Indexed by `iocNumber(code)`: 22 BC commands. */
  readonly bc: number[] = new Array<number>(22).fill(0);
  /** 23 BR commands; BR_TRANSACTION and BR_TRANSACTION_SEC_CTX have the same number. */
  readonly br: number[] = new Array<number>(23).fill(0);
  readonly process = new ObjectCount();
  readonly thread = new ObjectCount();
  readonly node = new ObjectCount();
  readonly ref = new ObjectCount();
  readonly death = new ObjectCount();
  readonly freeze = new ObjectCount();
  readonly transaction = new ObjectCount();
  readonly buffer = new ObjectCount();
}
