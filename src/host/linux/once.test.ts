import { expect, it, vi } from 'vitest';
import { once } from './once.ts';

it('makes the value once, when first asked, also an undefined one', () => {
  const make = vi.fn(() => undefined);
  const value = once(make);
  expect(make).not.toHaveBeenCalled();
  expect(value()).toBeUndefined();
  expect(value()).toBeUndefined();
  expect(make).toHaveBeenCalledTimes(1);
});

it('tries again after a failure', () => {
  let fails = true;
  const value = once(() => {
    if (fails) throw new Error('no');
    return 1;
  });
  expect(value).toThrow('no');
  fails = false;
  expect(value()).toBe(1);
});
