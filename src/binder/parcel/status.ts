import { BinderError, errorOfException, ServiceSpecificError } from './errors.ts';
import type { Parcel } from './parcel.ts';

// Fat headers that Java's Parcel puts before a reply: statistics of strict mode, and of noted operations.
const EX_HAS_NOTED_APPOPS = -127;
const EX_HAS_STRICTMODE = -128;
const EX_SERVICE_SPECIFIC = -8;
const EX_PARCELABLE = -9;

/** The status with which a successful reply begins. */
export function writeOk(parcel: Parcel): void {
  parcel.writeInt32(0);
}

/**
 * The status of a reply that is an exception.
 *
 * ```
 *   i32 exception | String16 message | i32 0 (no remote stack) | i32 code (SERVICE_SPECIFIC), or i32 0 (PARCELABLE)
 * ```
 *
 * An error that is no exception must travel as a status instead: see `BinderError.exception`.
 */
export function writeException(parcel: Parcel, error: BinderError): void {
  parcel.writeInt32(error.exception);
  parcel.writeString(error.message);
  parcel.writeInt32(0);
  if (error instanceof ServiceSpecificError) parcel.writeInt32(error.serviceCode);
  else if (error.exception === EX_PARCELABLE) parcel.writeInt32(0);
}

/** Reads the status of a reply. @returns the exception, or `null` when there is none. */
export function readStatus(parcel: Parcel): BinderError | null {
  let exception = parcel.readInt32();
  if (exception === EX_HAS_NOTED_APPOPS) {
    skipHeader(parcel);
    exception = parcel.readInt32();
  }
  if (exception === EX_HAS_STRICTMODE) {
    skipHeader(parcel);
    return null;
  }
  if (exception === 0) return null;
  const message = parcel.readNullableString() ?? '';
  const stack = parcel.position;
  const stackSize = parcel.readInt32();
  if (stackSize > 0) parcel.seek(stack + stackSize);
  const code = exception === EX_SERVICE_SPECIFIC ? parcel.readInt32() : 0;
  return errorOfException(exception, message, code);
}

/** A header's size counts itself. */
function skipHeader(parcel: Parcel): void {
  const start = parcel.position;
  const size = parcel.readInt32();
  if (size < 4) throw new BinderError('BAD_VALUE', `Cannot skip a header of ${size} bytes`);
  parcel.seek(start + ((size + 3) & ~3));
}
