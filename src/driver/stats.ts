/** How many objects of a kind were made and how many of them still exist. */
export class ObjectCount {
  active = 0;
  total = 0;

  create(): void {
    this.active++;
    this.total++;
  }

  delete(count = 1): void {
    this.active -= count;
  }
}

/** How often each command was met, by its number in binder.h. */
export class CommandCounts {
  /** Indexed by `iocNumber(code)`: 22 BC commands. */
  readonly bc: number[] = new Array<number>(22).fill(0);
  /** 23 BR commands; BR_TRANSACTION and BR_TRANSACTION_SEC_CTX have the same number. */
  readonly br: number[] = new Array<number>(23).fill(0);
}

/** Counters of all commands, and of the driver's objects. */
export class Stats extends CommandCounts {
  readonly process = new ObjectCount();
  readonly thread = new ObjectCount();
  readonly node = new ObjectCount();
  readonly ref = new ObjectCount();
  readonly death = new ObjectCount();
  readonly freeze = new ObjectCount();
  /** Each attempt counts in `total`, also one that fails before there is anything to be `active`. */
  readonly transaction = new ObjectCount();
  /** The same: counted in `total` when it is first clear who is to receive the transaction. */
  readonly transactionComplete = new ObjectCount();
  readonly buffer = new ObjectCount();
}
