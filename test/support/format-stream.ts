import type { DecodedCommand } from '../../src/abi/commands.ts';

/**
 * A read stream as text: the names of its commands without BR_, with the pointers and cookies they carry in
 * hexadecimal. BR_TRANSACTION_COMPLETE is so frequent that it is TC.
 */
export function formatStream(commands: readonly DecodedCommand[]): string {
  return commands.map(format).join(' ');
}

function format({ name, ptr, cookie, targetPtr }: DecodedCommand): string {
  const short = name === 'BR_TRANSACTION_COMPLETE' ? 'TC' : name.replace(/^B[RC]_/, '');
  if (name === 'BR_REPLY') return short;
  const values = [targetPtr ?? ptr, cookie].filter((value) => value !== undefined) as (number | bigint)[];
  return values.length > 0 ? `${short}(${values.map((value) => value.toString(16)).join(',')})` : short;
}
