import type { MappedArea } from './area.ts';

/*
 * The message in which descriptors travel, ours and the thread's alike:
 *
 *    0        56     72     80        96
 *    | msghdr | iovec | byte | cmsghdr | descriptors, 4 bytes each |
 *                            | the socket pair, before the message |
 */
const IOVEC_AT = 56;
const BYTE_AT = 72;
/** Where the control data begins. */
export const CONTROL_AT = 80;
const FDS_AT = CONTROL_AT + 16;
const FLAGS_AT = 48;

/** Files in one message at most: SCM_MAX_FD of the kernel. */
export const FILES_AT_ONCE = 253;

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 8;

/** A message in an area of ours. */
export class DescriptorMessage {
  /** Bytes of a message for `count` descriptors. */
  static size(count: number): number {
    return FDS_AT + 4 * count;
  }

  /** Where it lies, for system calls of ours. */
  readonly address: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(area: MappedArea) {
    this.address = area.address;
    this.#bytes = area.bytes;
    this.#view = area.view;
  }

  /** For `count` descriptors that are to come, into a message that will lie at `place`. */
  expect(place: number, count: number): void {
    this.#fill(place, count);
    this.#bytes.fill(0xff, CONTROL_AT, FDS_AT + 4 * count);
  }

  /** With descriptors of ours, to be sent from here. */
  carry(fds: readonly number[]): void {
    this.#fill(this.address, fds.length);
    this.#view.setBigUint64(CONTROL_AT, BigInt(16 + 4 * fds.length), true);
    this.#view.setInt32(CONTROL_AT + 8, SOL_SOCKET, true);
    this.#view.setInt32(CONTROL_AT + 12, SCM_RIGHTS, true);
    for (const [i, fd] of fds.entries()) this.#view.setInt32(FDS_AT + 4 * i, fd, true);
  }

  /** The socket pair that was put into its control data. */
  get pair(): readonly [number, number] {
    return [this.#view.getUint32(CONTROL_AT, true), this.#view.getUint32(CONTROL_AT + 4, true)];
  }

  /** Takes the descriptors, at most `count`, of a received message. @returns whether they are all of them. */
  take(count: number, into: number[]): boolean {
    const length = Number(this.#view.getBigUint64(CONTROL_AT, true));
    const came = Math.max(0, Math.min(count, Math.floor((length - 16) / 4)));
    for (let i = 0; i < came; i++) into.push(this.#view.getInt32(FDS_AT + 4 * i, true));
    return came === count && (this.#view.getInt32(FLAGS_AT, true) & MSG_CTRUNC) === 0;
  }

  #fill(place: number, count: number): void {
    const view = this.#view;
    this.#bytes.fill(0, 0, CONTROL_AT);
    view.setBigUint64(16, BigInt(place + IOVEC_AT), true);
    view.setBigUint64(24, 1n, true);
    view.setBigUint64(32, BigInt(place + CONTROL_AT), true);
    view.setBigUint64(40, BigInt(FDS_AT - CONTROL_AT + 4 * count), true);
    view.setBigUint64(IOVEC_AT, BigInt(place + BYTE_AT), true);
    view.setBigUint64(IOVEC_AT + 8, 1n, true);
  }
}
