import { EACCES, EBADF, EBUSY, ECONNREFUSED, EINTR, EINVAL, ENOMEM, EPERM } from '../../abi/errno.ts';
import { BinderError, type ErrorCode } from '../parcel/errors.ts';

/** What the errno of BINDER_SET_CONTEXT_MGR_EXT means. */
const REASONS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [EBUSY]: ['ALREADY_EXISTS', 'the device has one already'],
  [EPERM]: [
    'PERMISSION_DENIED',
    'the policy does not allow it, or one of another user was there before (EPERM)',
  ],
  [EACCES]: ['PERMISSION_DENIED', 'the security module does not allow it (EACCES)'],
  [ENOMEM]: ['NO_MEMORY', 'the driver has no memory left (ENOMEM)'],
  // The driver knows no such ioctl, or not this object.
  [EINVAL]: ['INVALID_OPERATION', 'the driver does not take it; Linux does since 5.0 (EINVAL)'],
  // A device that is gone.
  [EINTR]: ['CLOSED', 'the connection is closed'],
  [EBADF]: ['CLOSED', 'the connection is closed'],
  [ECONNREFUSED]: ['CLOSED', 'the device is gone'],
};

/** The error for a process that could not become context manager. @param errno - what the driver said */
export function managerError(errno: number): BinderError {
  const [code, why] = REASONS[errno] ?? ['UNKNOWN_ERROR', `errno ${errno}`];
  return new BinderError(code, `Cannot become context manager: ${why}`);
}
