import { type DecodedCommand, decodeCommands, encodeCommands } from '../../abi/commands.ts';

/** What a BINDER_WRITE_READ came to. */
export interface WriteReadResult {
  /** 0 or a positive errno. */
  errno: number;
  writeConsumed: number;
  /** The commands that were read; none when the ioctl failed. */
  commands: DecodedCommand[];
}

/**
 * One thread of one open Binder device, at the level of the ioctl: the seam between what speaks the protocol and what
 * carries it, be it a device in the file system or a driver in this process.
 *
 * A method whose driver lets the thread sleep resolves later, except on carriers that block the calling thread.
 */
export interface BinderThread {
  /** Makes an ioctl; `argument` is changed in place as the driver changes it. @returns 0 or a positive errno. */
  ioctl(command: number, argument: Uint8Array): number | Promise<number>;
  /** Writes `commands`, then reads up to `readSize` bytes of commands. */
  writeRead(commands: Uint8Array, readSize: number): Promise<WriteReadResult>;
  /**
   * Puts bytes where the driver can read them, until the next {@link reset}.
   *
   * @returns their address, for a transaction's data or offsets
   */
  place(bytes: Uint8Array): number;
  /** Gives back what {@link place} took. */
  reset(): void;
  /** A copy of `length` bytes that were received at `address`. */
  received(address: number, length: number): Uint8Array;
}

/** The default size of a read buffer: libbinder's. */
export const READ_SIZE = 256;

export { type DecodedCommand, decodeCommands, encodeCommands };
