import { expect, test } from 'vitest';
import { EACCES, EBADF, EBUSY, ECONNREFUSED, EINVAL, ENOMEM, EPERM } from '../../abi/errno.ts';
import { LocalDriver } from '../connections/local-driver.ts';
import { defineInterface } from './interface.ts';
import { managerError } from './manager-error.ts';

interface INothing {
  nothing(): Promise<void>;
}
const INothing = defineInterface<INothing>('test.INothing', { format: 1, methods: { nothing: { code: 1 } } });
const object = () => INothing.implement({ nothing() {} });

test.each([
  [EBUSY, 'ALREADY_EXISTS', 'the device has one already'],
  [EPERM, 'PERMISSION_DENIED', 'the policy does not allow it'],
  [EACCES, 'PERMISSION_DENIED', 'security module'],
  [ENOMEM, 'NO_MEMORY', 'no memory'],
  [EINVAL, 'INVALID_OPERATION', 'does not take it'],
  [EBADF, 'CLOSED', 'the connection is closed'],
  [ECONNREFUSED, 'CLOSED', 'the device is gone'],
  [77, 'UNKNOWN_ERROR', 'errno 77'],
])('errno %i is %s', (errno, code, text) => {
  expect(managerError(errno)).toMatchObject({
    code,
    message: expect.stringMatching(`^Cannot become context manager: .*${text}`),
  });
});

test('a second manager, and one of another user when the first is gone', async () => {
  using driver = new LocalDriver();
  const first = driver.connect({ uid: 1000 });
  await first.becomeContextManager(object());
  const other = driver.connect({ uid: 2000 });
  await expect(other.becomeContextManager(object())).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  first.close();
  await expect(other.becomeContextManager(object())).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await driver.connect({ uid: 1000 }).becomeContextManager(object());
});

test('a closed connection does not pass for a forbidden one', async () => {
  using driver = new LocalDriver();
  const closed = driver.connect();
  closed.close();
  await expect(closed.becomeContextManager(object())).rejects.toMatchObject({ code: 'CLOSED' });
});
