import { readU64, type U64, writeU64 } from '../abi/u64.ts';

/** The argument of BINDER_WRITE_READ (struct binder_write_read), kept by each thread from one ioctl to the next. */
export class WriteRead {
  writeSize: U64 = 0;
  writeConsumed: U64 = 0;
  writeBuffer: U64 = 0;
  readSize: U64 = 0;
  readConsumed: U64 = 0;
  readBuffer: U64 = 0;

  load(view: DataView, at: number): void {
    this.writeSize = readU64(view, at);
    this.writeConsumed = readU64(view, at + 8);
    this.writeBuffer = readU64(view, at + 16);
    this.readSize = readU64(view, at + 24);
    this.readConsumed = readU64(view, at + 32);
    this.readBuffer = readU64(view, at + 40);
  }

  store(view: DataView, at: number): void {
    writeU64(view, at, this.writeSize);
    writeU64(view, at + 8, this.writeConsumed);
    writeU64(view, at + 16, this.writeBuffer);
    writeU64(view, at + 24, this.readSize);
    writeU64(view, at + 32, this.readConsumed);
    writeU64(view, at + 40, this.readBuffer);
  }
}

/** `a + b` as 64-bit pointers add: modulo 2^64. */
export function addU64(a: U64, b: U64): U64 {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (sum <= Number.MAX_SAFE_INTEGER) return sum;
  }
  const sum = BigInt.asUintN(64, BigInt(a) + BigInt(b));
  return sum <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(sum) : sum;
}
