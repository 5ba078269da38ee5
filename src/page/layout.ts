/** How a value lies in memory. The structs of `abi` are layouts. */
export interface Layout<T> {
  /** Bytes; 0 for types without a value. */
  readonly size: number;
  decode(view: DataView, at: number): T;
  encode(view: DataView, at: number, value: T): void;
}

/** One byte. */
export const BYTE: Layout<number> = {
  size: 1,
  decode: (view, at) => view.getUint8(at),
  encode: (view, at, value) => view.setUint8(at, value),
};
