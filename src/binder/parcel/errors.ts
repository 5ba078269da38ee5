/**
 * What can go wrong, by string code: the status (`status_t`) or the exception under which it travels, where it does, and
 * what it means. The one table: the classes below, replies and the documentation are made from it.
 */
export const ERROR_CODES = {
  // statuses
  UNKNOWN_ERROR: { status: -0x8000_0000, means: 'the other side failed and did not say how' },
  NO_MEMORY: { status: -12, means: 'no memory, or no space for it in the receiver' },
  INVALID_OPERATION: { status: -38, means: 'not possible in this state' },
  BAD_VALUE: { status: -22, means: 'a value that the type does not allow' },
  BAD_TYPE: { status: -0x7fff_ffff, means: 'the parcel is of another kind or for another interface' },
  NAME_NOT_FOUND: { status: -2, means: 'no such name' },
  PERMISSION_DENIED: { status: -1, means: 'not allowed' },
  NO_INIT: { status: -19, means: 'not initialised' },
  ALREADY_EXISTS: { status: -17, means: 'exists already' },
  DEAD_OBJECT: { status: -32, means: 'the process of the object is gone' },
  FAILED_TRANSACTION: { status: -0x7fff_fffe, means: 'the driver refused the transaction' },
  BAD_INDEX: { status: -75, means: 'no such index' },
  NOT_ENOUGH_DATA: { status: -61, means: 'the parcel ends too early' },
  WOULD_BLOCK: { status: -11, means: 'would have to wait' },
  TIMED_OUT: { status: -110, means: 'took too long' },
  UNKNOWN_TRANSACTION: { status: -74, means: 'the object has no such method' },
  FDS_NOT_ALLOWED: { status: -0x7fff_fff9, means: 'file descriptors are not allowed here' },
  UNEXPECTED_NULL: { status: -0x7fff_fff8, means: 'null where the type is not nullable' },
  // exceptions
  SECURITY: { exception: -1, means: 'the caller may not do this' },
  BAD_PARCELABLE: { exception: -2, means: 'a parcelable could not be read' },
  ILLEGAL_ARGUMENT: { exception: -3, means: 'an argument is wrong' },
  NULL_POINTER: { exception: -4, means: 'null where a value was needed' },
  ILLEGAL_STATE: { exception: -5, means: 'not possible in this state; also: the handler threw' },
  NETWORK_MAIN_THREAD: { exception: -6, means: 'network on the main thread' },
  UNSUPPORTED_OPERATION: { exception: -7, means: 'not supported' },
  SERVICE_SPECIFIC: { exception: -8, means: "an error of the service's own, in `serviceCode`" },
  PARCELABLE: { exception: -9, means: 'an exception that is a parcelable' },
  // of this library
  FROZEN: { status: -0x7fff_fffe, means: 'the process of the object is frozen' },
  TOO_MANY_CALLS: { means: 'more calls wait for a Binder thread than are allowed' },
  CLOSED: { means: 'the connection is closed' },
  RELEASED: { means: 'the reference was released' },
  OWN_MOUNT: { means: 'this process serves the device itself, and would wait for itself' },
  BAD_TABLE: { means: 'the table of an interface or parcelable is wrong' },
} as const satisfies Record<string, { status?: number; exception?: number; means: string }>;

/** The string codes of {@link BinderError}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** More about a {@link BinderError}. */
export interface BinderErrorOptions {
  readonly cause?: unknown;
  /** Where it is not what the table says: unknown numbers travel as they are. */
  readonly status?: number;
}

/** Whatever goes wrong in Binder: `code` says what, {@link ERROR_CODES} what that means. */
export class BinderError extends Error {
  readonly code: ErrorCode;
  /** The `status_t`, negative; 0 for exceptions and for what does not travel. */
  readonly status: number;
  /** The exception under which it travels in a reply (−1…−9), else 0. */
  readonly exception: number;

  constructor(code: ErrorCode, message: string, options: BinderErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const { status = 0, exception = 0 } = ERROR_CODES[code] as { status?: number; exception?: number };
    this.code = code;
    this.status = options.status ?? status;
    this.exception = exception;
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** The object's process is gone. */
export class DeadObjectError extends BinderError {
  constructor(message = 'Cannot reach the object: its process is gone', options?: BinderErrorOptions) {
    super('DEAD_OBJECT', message, options);
  }
}

/** To throw from a handler: the caller may not do this. */
export class SecurityError extends BinderError {
  constructor(message: string, options?: BinderErrorOptions) {
    super('SECURITY', message, options);
  }
}

/** To throw from a handler: an error of the service's own, with a number that its interface defines. */
export class ServiceSpecificError extends BinderError {
  readonly serviceCode: number;

  constructor(serviceCode: number, message = '', options?: BinderErrorOptions) {
    super('SERVICE_SPECIFIC', message, options);
    this.serviceCode = serviceCode | 0;
  }
}

const byStatus = new Map<number, ErrorCode>();
const byException = new Map<number, ErrorCode>();
for (const [code, entry] of Object.entries(ERROR_CODES) as [
  ErrorCode,
  { status?: number; exception?: number },
][]) {
  if (entry.status !== undefined && !byStatus.has(entry.status)) byStatus.set(entry.status, code);
  if (entry.exception !== undefined) byException.set(entry.exception, code);
}

/** The error for a `status_t` that came in place of a result. */
export function errorOfStatus(status: number, message: string): BinderError {
  const code = byStatus.get(status) ?? 'UNKNOWN_ERROR';
  if (code === 'DEAD_OBJECT') return new DeadObjectError(message);
  return new BinderError(code, message, { status });
}

/** The error for an exception that came in a reply. An unknown number is UNKNOWN_ERROR. */
export function errorOfException(exception: number, message: string, serviceCode = 0): BinderError {
  const code = byException.get(exception);
  if (code === 'SERVICE_SPECIFIC') return new ServiceSpecificError(serviceCode, message);
  if (code === 'SECURITY') return new SecurityError(message);
  if (code) return new BinderError(code, message);
  return new BinderError('UNKNOWN_ERROR', `Unknown exception ${exception}: ${message}`);
}
