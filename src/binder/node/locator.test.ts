import { expect, test } from 'vitest';
import { findDevice, parseLocator } from './locator.ts';

test('a locator is a path, or binder: and a path, perhaps with what is spoken there', () => {
  expect(parseLocator('/dev/binder')).toEqual({ path: '/dev/binder' });
  expect(parseLocator('binder:/run/b/vndbinder')).toEqual({ path: '/run/b/vndbinder' });
  expect(parseLocator('binder:/dev/binder?android=14')).toEqual({ path: '/dev/binder', android: 14 });
});

test.each([
  'dev/binder',
  'binder:dev',
  'binder:/x?android=10',
  'binder:/x?android=17',
  'binder:/x?a=1',
  'rpc:/x',
])('%s is no locator', (text) => {
  expect(() => parseLocator(text)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
});

test('$UBINDER leads to the device, and what was tried is told where there is none', () => {
  expect(findDevice({ UBINDER: 'binder:/x' })).toEqual({ path: '/x' });
  expect(() => findDevice({ UBINDER: 'x' })).toThrow(/Cannot connect to "x"/);
  expect(findDevice({}, ['/no/binder', '/dev/null'])).toEqual({ path: '/dev/null' });
  const find = () => findDevice({ XDG_RUNTIME_DIR: '/nowhere' }, ['/no/binder']);
  expect(find).toThrow(/\/no\/binder, \/nowhere\/ubinder\/binder/);
});
