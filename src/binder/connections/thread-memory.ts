import { writeU64 } from '../../abi/u64.ts';
import { createArea, type MappedArea } from '../../host/linux/area.ts';
import { type Attachment, Commands } from '../runtime/seam.ts';
import { READ_AT, READ_SIZE } from './thread-worker-data.ts';

/** Where the commands begin, and what they point to if that fits. */
const PLACES_AT = READ_AT + READ_SIZE;
const SIZE = 16 * 1024;

/**
 * The memory of one Binder thread that the driver reads and writes: the argument of BINDER_WRITE_READ, the read buffer,
 * the commands, and what they point to.
 */
export class ThreadMemory {
  readonly #area: MappedArea = createArea(SIZE);
  /** Where BR commands are read. */
  readonly buffer: Uint8Array = this.#area.bytes.subarray(READ_AT, READ_AT + READ_SIZE);
  /** For what does not fit; as long as one ioctl takes. */
  #large: MappedArea | null = null;
  /** Written and not carried out: the runtime's own, good until {@link prepare}, or copies. */
  #next: Commands = NOTHING;
  /** Where in the commands the addresses of attachments are, and the attachments' lengths, by turns. */
  readonly #placed: number[] = [];

  /** Where the argument is. */
  get address(): number {
    return this.#area.address;
  }

  write(commands: Commands): void {
    this.#next = this.#next.followedBy(commands);
  }

  /** Places what was written, and makes the argument of the ioctl that carries it out. */
  prepare(readSize: number): void {
    const { bytes, attachments } = this.#next;
    this.#next = NOTHING;
    let size = aligned(bytes.length);
    for (const attachment of attachments) size += aligned(attachment.bytes.length);
    let places = this.#area;
    let at = PLACES_AT;
    if (size > SIZE - PLACES_AT) {
      this.#large = createArea(size);
      places = this.#large;
      at = 0;
    }
    const commandsAt = at;
    places.bytes.set(bytes, at);
    at += aligned(bytes.length);
    this.#placed.length = 0;
    for (const attachment of attachments) {
      writeU64(places.view, commandsAt + attachment.at, places.address + at);
      places.bytes.set(attachment.bytes, at);
      at += aligned(attachment.bytes.length);
      this.#placed.push(attachment.at, attachment.bytes.length);
    }
    const argument = this.#area.view;
    writeU64(argument, 0, bytes.length);
    writeU64(argument, 8, 0);
    writeU64(argument, 16, places.address + commandsAt);
    writeU64(argument, 24, readSize);
    writeU64(argument, 32, 0);
    writeU64(argument, 40, this.#area.address + READ_AT);
  }

  /** After the ioctl: keeps what was not consumed. @returns how many bytes were read into {@link buffer} */
  finish(): number {
    const argument = this.#area.view;
    const consumed = argument.getUint32(8, true);
    if (consumed < argument.getUint32(0, true)) this.#next = this.#rest(consumed);
    this.#large?.release();
    this.#large = null;
    return argument.getUint32(32, true);
  }

  /** A copy of what is left, from where it was placed. */
  #rest(consumed: number): Commands {
    const places = this.#large ?? this.#area;
    let at = this.#large ? 0 : PLACES_AT;
    const length = this.#area.view.getUint32(0, true);
    const bytes = places.bytes.subarray(at, at + length);
    at += aligned(length);
    const attachments: Attachment[] = [];
    for (let i = 0; i < this.#placed.length; i += 2) {
      const [place, size] = this.#placed.slice(i, i + 2) as [number, number];
      attachments.push({ at: place, bytes: places.bytes.subarray(at, at + size) });
      at += aligned(size);
    }
    return Commands.of(bytes, attachments).after(consumed);
  }

  release(): void {
    this.#area.release();
    this.#large?.release();
    this.#large = null;
  }
}

const NOTHING = new Commands();

function aligned(length: number): number {
  return (length + 7) & ~7;
}
