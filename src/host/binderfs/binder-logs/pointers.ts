import { hexU64, type U64 } from '../../../abi/u64.ts';
import { siphash } from './siphash.ts';

/** Addresses from here up are errors in the kernel's language, and are not hidden. */
const FIRST_ERROR = (1n << 64n) - 4095n;

/**
 * How logs show addresses. As the kernel's `%p` does, hashed ones are the lower 32 bits of a keyed hash, the same for the
 * same address as long as the key is; null stays null.
 */
export class Pointers {
  readonly #key: readonly [bigint, bigint];
  readonly #hidesUserPointers: boolean;

  /**
   * @param key - random, kept for as long as the driver lives
   * @param hidesUserPointers - whether pointers and cookies of clients are hashed as well
   */
  constructor(key: readonly [bigint, bigint], hidesUserPointers: boolean) {
    this.#key = key;
    this.#hidesUserPointers = hidesUserPointers;
  }

  /** A pointer or cookie of a client. */
  ofUser(value: U64): string {
    return this.#hidesUserPointers ? this.#hash(BigInt(value)) : hexU64(value);
  }

  /**
   * What stands for the address of an object of the driver: it has none. Always hashed.
   *
   * @param id - of the object among all of its kind
   * @param kind - tells kinds apart that count by themselves
   */
  ofObject(id: U64, kind: 'transaction' | 'death'): string {
    return this.#hash((kind === 'death' ? 1n << 63n : 1n << 62n) | BigInt.asUintN(62, BigInt(id)));
  }

  #hash(value: bigint): string {
    const isPlain = value === 0n || value >= FIRST_ERROR;
    return hexU64(isPlain ? value : siphash(value, this.#key) & 0xffff_ffffn);
  }
}
