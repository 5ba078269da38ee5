import type { Area } from '../../driver/ports.ts';
import { createArea, type MappedArea } from '../linux/area.ts';
import { DIRENT, writeNumber64 } from './protocol.ts';

const ALIGNMENT = 8;

/** Bytes: the kernel asks for a page at a time, newer ones for more; the rest comes with its next READDIR. */
const CAPACITY = 16384;

/** `d_type` of an entry. */
export const ENTRY_TYPE = { CHARACTER_DEVICE: 2, DIRECTORY: 4, FILE: 8, SYMLINK: 10 } as const;

/**
 * The answer to a READDIR, built entry by entry. One object serves many requests.
 *
 * @example
 * directory.start(request.size);
 * for (let i = request.offset; i < files.length; i++)
 *   if (!directory.add(files[i].name, files[i].ino, ENTRY_TYPE.FILE, i + 1)) break;
 * reply.bytes(request.unique, directory.area, 0, directory.length);
 */
export class Directory {
  private readonly memory: MappedArea;
  private room = 0;
  private used = 0;

  constructor() {
    this.memory = createArea(CAPACITY);
  }

  get area(): Area {
    return this.memory;
  }

  /** Bytes of the entries so far; 0 as an answer ends the directory. */
  get length(): number {
    return this.used;
  }

  /** @param size bytes that the caller has room for, `request.size`. */
  start(size: number): void {
    this.room = Math.min(size, CAPACITY);
    this.used = 0;
  }

  /**
   * @param name a byte string.
   * @param type of {@link ENTRY_TYPE}.
   * @param nextOffset what READDIR will ask for to go on after this entry; not 0.
   * @returns whether it still fitted; if not, end here.
   */
  add(name: string, ino: number, type: number, nextOffset: number): boolean {
    const end = DIRENT.byteLength + name.length;
    const padded = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    if (this.used + padded > this.room) return false;
    const at = this.used;
    const { view, bytes } = this.memory;
    writeNumber64(view, at + DIRENT.ino, ino);
    writeNumber64(view, at + DIRENT.off, nextOffset);
    view.setUint32(at + DIRENT.namelen, name.length, true);
    view.setUint32(at + DIRENT.type, type, true);
    for (let i = 0; i < name.length; i++) bytes[at + DIRENT.byteLength + i] = name.charCodeAt(i);
    bytes.fill(0, at + end, at + padded);
    this.used += padded;
    return true;
  }

  release(): void {
    this.memory.release();
  }
}
