import { expect, test } from 'vitest';
import { embeddedDemo } from './embedded.ts';

test('the embedded demonstration makes a call through a manager to a service', async () => {
  expect(await embeddedDemo('hello')).toBe('hello (said by pid 3, uid 1003)');
});
