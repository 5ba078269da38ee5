const UNITS = ['bytes', 'KiB', 'MiB', 'GiB'] as const;

/** A number of bytes for people: `0 bytes`, `16 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${Number(value.toFixed(1))} ${UNITS[unit]}`;
}
