/**
 * Bytes that the driver and its host both reach: `bytes` and `view` show the same memory.
 *
 * `address` is where the memory lies in this process, for hosts that hand addresses to system calls; 0 where the
 * memory has no fixed address.
 */
export interface Area {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;
}

/** An area of whole pages that its holder gives back. */
export interface OwnedArea extends Area {
  /** Gives the memory back; the area must not be used any more. Doing it again does nothing. */
  release(): void;
}
