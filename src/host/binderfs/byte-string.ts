/**
 * File names are bytes, whatever their encoding. Inside they are *byte strings*: one character (0 to 255) for each byte,
 * so that every name survives. People's names are UTF-8.
 */
export function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A byte string for people; bytes that are not UTF-8 are shown as U+FFFD. */
export function textOf(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}
