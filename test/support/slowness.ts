/**
 * How many times slower than an ordinary machine this one is: `UBINDER_SLOWNESS`, which emulated machines (test/kernel) set.
 * Tests wait so many times longer there, and those that do much do so many times less of it; C programs read it, too (client.h).
 */
export const slowness = positive(process.env.UBINDER_SLOWNESS ?? '1');

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`UBINDER_SLOWNESS is a whole number from 1 on, not ${text}`);
  return Number(text);
}
