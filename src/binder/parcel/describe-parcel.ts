import { BINDER_TYPE_BINDER, BINDER_TYPE_FD, BINDER_TYPE_HANDLE } from '../../abi/binder.ts';
import type { Parcel } from './parcel.ts';

const PER_LINE = 16;
/** Bytes that are shown: enough to see which call it is. */
const MOST_BYTES = 256;

const OBJECT_NAMES: Readonly<Record<number, string>> = {
  [BINDER_TYPE_BINDER]: 'binder',
  [BINDER_TYPE_HANDLE]: 'handle',
  [BINDER_TYPE_FD]: 'file descriptor',
};

/**
 * A parcel for the eyes: how long it is, where it is read or written, which objects it has, and its bytes. Of a sensitive one
 * the bytes are not told.
 *
 * ```
 * Parcel of 24 bytes at 0, no objects
 *   0000  05 00 00 00 68 00 65 00 6c 00 6c 00 6f 00 00 00  ....h.e.l.l.o...
 *   0010  07 00 00 00 00 00 00 00                          ........
 * ```
 */
export function describeParcel(parcel: Parcel): string {
  const { bytes, size, position, offsets, isSensitive } = parcel;
  const objects = offsets.map((at) => {
    const type = parcel.objectType(at);
    return `${OBJECT_NAMES[type] ?? `type 0x${type.toString(16)}`} at ${at}`;
  });
  const head = `Parcel of ${size} bytes at ${position}, ${objects.join(', ') || 'no objects'}`;
  if (isSensitive) return `${head}, sensitive`;
  const lines = [head];
  for (let at = 0; at < Math.min(size, MOST_BYTES); at += PER_LINE) lines.push(line(at, bytes));
  if (size > MOST_BYTES) lines.push(`  … ${size - MOST_BYTES} more`);
  return lines.join('\n');
}

function line(at: number, bytes: Uint8Array): string {
  const part = [...bytes.subarray(at, at + PER_LINE)];
  const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `  ${at.toString(16).padStart(4, '0')}  ${hex.padEnd(PER_LINE * 3 - 1)}  ${text}`;
}
