import { TF_ACCEPT_FDS, TF_CLEAR_BUF, TF_ONE_WAY } from '../../abi/binder.ts';
import { type Codec, compileType } from '../parcel/codec.ts';
import { BinderError, SecurityError } from '../parcel/errors.ts';
import { type CodedType, codecs } from '../parcel/named-codec.ts';
import { Parcel, unexpectedNull } from '../parcel/parcel.ts';
import { checkFormat } from '../parcel/parcelable.ts';
import { readStatus, writeOk } from '../parcel/status.ts';
import { type InterfaceSpec, type NamedType, spec } from '../parcel/type-spec.ts';
import { STABILITY_SYSTEM, STABILITY_VINTF } from '../parcel/variant.ts';
import {
  type Call,
  type CallOptions,
  type IBinder,
  LocalBinder,
  type Ref,
  RefObject,
  RefState,
  type RemoteBinder,
  refState,
  type ServedCall,
  state,
  takeOver,
} from './binder.ts';
import { currentCall, runInCall } from './call-context.ts';
import { areCallsTraced, traceCall } from './diagnostics.ts';
import type { Awaitable, Signal } from './globals.ts';
import type { InterfaceTable, MethodTable, PermissionSpec } from './interface-table.ts';
import { Passing } from './objects.ts';
import * as standard from './standard-transactions.ts';

/** An AIDL interface: makes objects of it, and typed references to others' objects. */
export interface InterfaceType<I, Handlers = HandlersOf<I>> extends NamedType {
  readonly [spec]: InterfaceSpec & InterfaceTable;
  readonly descriptor: string;
  /** Makes an object of this process. Dispose of the reference when it is not to be given away any more. */
  implement(handlers: Handlers, options?: ImplementOptions): Ref<I>;
  /** The typed reference to an object that arrived as `IBinder`; it takes over the count of `ref`, which is released. */
  fromBinder(ref: object): Ref<I>;
  /** What callers get for methods that the object does not know (an older version of it): these handlers answer here. */
  setDefault(handlers: Partial<Handlers> | null): void;
}

/** The handlers of an interface, where none are declared: its methods, with the call in place of the options. */
export type HandlersOf<I> = {
  [K in keyof I]: I[K] extends (...args: infer A) => Promise<infer R>
    ? Required<A> extends readonly [...infer Arguments, CallOptions]
      ? (...args: [...Arguments, call: Call]) => Awaitable<R>
      : (...args: [...A, call: Call]) => Awaitable<R>
    : never;
};

/** What an object does besides its methods. */
export interface ImplementOptions extends standard.StandardHandlers {
  /** Whether the caller has the permission, asked for methods that enforce one. Without it such calls are refused. */
  checkPermission?(permission: string, call: Call): Awaitable<boolean>;
  /** Calls then carry the caller's security label (`call.sid`); refused where the system has none. */
  readonly requestSid?: boolean;
}

/** Where the class of typed references keeps what it can call. */
const methodsOf: unique symbol = Symbol('ubinder.methods');

interface TypedReference {
  [methodsOf](name: string): Method | undefined;
}

interface Method {
  readonly name: string;
  readonly descriptor: string;
  readonly qualified: string;
  readonly code: number;
  readonly oneway: boolean;
  readonly flags: number;
  readonly permission: PermissionSpec | undefined;
  /** What appears as a parameter: a value, or the length of an `out` array. */
  readonly parameters: readonly Codec[];
  readonly parameterCount: number;
  /** Codecs of the results; their keys where there are several. */
  readonly results: readonly Codec[];
  readonly keys: readonly string[];
}

const LENGTH = compileType('int');

/**
 * Defines an interface from its table: how generated code does it, and how to do it by hand.
 *
 * @typeParam I - the methods as callers see them
 * @typeParam Handlers - the methods as they are implemented
 * @throws BinderError BAD_TABLE when the table is of another format or contradicts itself.
 */
export function defineInterface<I, Handlers = HandlersOf<I>>(
  descriptor: string,
  table: InterfaceTable,
): InterfaceType<I, Handlers> {
  checkFormat(descriptor, table.format);
  checkTable(descriptor, table);
  let compiled: Map<number, Method> | undefined;
  let defaults: Record<string, (...args: unknown[]) => unknown> | null = null;
  // Types that the table mentions may not be defined yet: it is compiled when it is first used.
  const methods = (): Map<number, Method> => {
    compiled ??= new Map(
      Object.entries(table.methods).map(([name, method]) => [
        method.code,
        compileMethod(descriptor, name, method, table),
      ]),
    );
    return compiled;
  };

  class Reference extends RefObject {
    static [methodsOf](name: string): Method | undefined {
      const { code } = Object.hasOwn(table.methods, name)
        ? (table.methods[name] as MethodTable)
        : { code: -1 };
      return methods().get(code);
    }
  }
  const prototype = Reference.prototype as unknown as Record<string, unknown>;
  for (const [name, { code }] of Object.entries(table.methods)) {
    const call = function (this: Reference, ...args: unknown[]): Promise<unknown> {
      const method = methods().get(code) as Method;
      const result = invoke(this, descriptor, method, args);
      const byDefault = defaults?.[name];
      if (!byDefault) return result;
      return result.catch((error) => {
        if (!(error instanceof BinderError) || error.code !== 'UNKNOWN_TRANSACTION') throw error;
        return byDefault(...args.slice(0, method.parameterCount));
      });
    };
    Object.defineProperty(call, 'name', { value: name });
    Object.defineProperty(prototype, name, { value: call });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: descriptor });

  const wrap = (value: unknown): Ref<I> => {
    const typed = new Reference(new RefState(refState(value).live()));
    (value as Disposable)[Symbol.dispose]();
    return typed as unknown as Ref<I>;
  };
  const codec = (isNullable: boolean): Codec => ({
    minSize: 28,
    initial() {
      if (isNullable) return null;
      throw unexpectedNull(descriptor);
    },
    write(parcel, value) {
      if (value === null ? !isNullable : typeof value !== 'object') throw unexpectedNull(descriptor);
      parcel.writeBinder(value);
    },
    read(parcel) {
      const binder = isNullable ? parcel.readNullableBinder() : parcel.readBinder();
      // The same count: whoever abandons the parcel gives it back.
      return binder === null ? null : new Reference(takeOver(binder as object));
    },
  });

  const type: InterfaceType<I, Handlers> & CodedType = {
    descriptor,
    [spec]: { ...table, kind: 'interface', descriptor, fromBinder: wrap },
    [codecs]: { plain: codec(false), nullable: codec(true) },
    implement(handlers, options = {}) {
      const binder = new Implementation(descriptor, table, methods(), handlers as Handled, options);
      return new Reference(new RefState(binder)) as unknown as Ref<I>;
    },
    fromBinder: wrap,
    setDefault(handlers) {
      defaults = handlers as typeof defaults;
    },
  };
  return type;
}

/** The handlers behind an object of this process; `null` for others' objects. */
export function localOf(binder: IBinder | object): unknown {
  const target = binder instanceof LocalBinder ? binder : (binder as Partial<RefObject>)[state]?.target;
  return target instanceof Implementation ? target.handlers : null;
}

function checkTable(descriptor: string, table: InterfaceTable): void {
  const bad = (why: string): never => {
    throw new BinderError('BAD_TABLE', `Cannot define ${descriptor}: ${why}`);
  };
  const names = new Map<number, string>();
  for (const [name, { code, oneway, args = [], returns }] of Object.entries(table.methods)) {
    if (name in Object.prototype)
      bad(`a method called ${name} would hide what each object has: give it as ${name}_`);
    if (name === 'then') bad('a method called then would be called by await: give it as then_');
    if (!Number.isInteger(code) || code < 1 || code > standard.LAST_CALL) bad(`${name} has code ${code}`);
    if (names.has(code)) bad(`${name} and ${names.get(code)} have code ${code}`);
    names.set(code, name);
    if (oneway && (returns || args.some(([, , direction = 'in']) => direction !== 'in'))) {
      bad(`${name} is oneway and has results`);
    }
  }
}

function compileMethod(
  descriptor: string,
  name: string,
  table: MethodTable,
  { sensitive }: InterfaceTable,
): Method {
  const { args = [], returns, oneway = false } = table;
  const parameters: Codec[] = [];
  const results: Codec[] = [];
  const keys: string[] = [];
  if (returns) {
    results.push(compileType(returns));
    keys.push('result');
  }
  for (const [argument, type, direction = 'in'] of args) {
    const codec = compileType(type);
    if (direction !== 'out') parameters.push(codec);
    else if (isArray(type)) parameters.push(LENGTH);
    if (direction === 'in') continue;
    results.push(codec);
    keys.push(returns && argument === 'result' ? 'result_' : argument);
  }
  return {
    name,
    descriptor,
    qualified: `${descriptor}.${name}`,
    code: table.code,
    oneway,
    flags: (oneway ? TF_ONE_WAY : 0) | TF_ACCEPT_FDS | (sensitive ? TF_CLEAR_BUF : 0),
    permission: table.permission,
    parameters,
    parameterCount: parameters.length,
    results,
    keys,
  };
}

/** Whether the length of an `out` argument of this type is told to the callee. */
function isArray(type: unknown): boolean {
  if (typeof type !== 'object' || type === null) return false;
  if ('nullable' in type) return isArray(type.nullable);
  return 'array' in type && !('length' in type && type.length !== undefined);
}

async function fails(error: unknown): Promise<never> {
  throw error;
}

/** Writes a call of a method. */
function request(descriptor: string, { flags, parameters }: Method, args: unknown[]): (data: Parcel) => void {
  return (data) => {
    if ((flags & TF_CLEAR_BUF) !== 0) data.isSensitive = true;
    data.writeInterfaceToken(descriptor);
    for (let i = 0; i < parameters.length; i++) (parameters[i] as Codec).write(data, args[i]);
  };
}

/** Reads what a method replied. */
function response(method: Method): (reply: Parcel) => unknown {
  return (reply) => {
    const exception = readStatus(reply);
    if (exception) throw exception;
    return readResults(method, reply);
  };
}

/** Calls a method of whatever object `ref` refers to. */
function invoke(ref: RefObject, descriptor: string, method: Method, args: unknown[]): Promise<unknown> {
  let target: LocalBinder | RemoteBinder;
  try {
    target = ref[state].live();
  } catch (error) {
    return fails(error);
  }
  const write = request(descriptor, method, args);
  const options = args[method.parameterCount] as CallOptions | undefined;
  return transactWith(target, method.code, method.flags, write, response(method), options, method.qualified);
}

/** The methods of a reference, by name. */
type MethodName<R> = {
  [K in keyof R]: R[K] extends (...args: never) => Promise<unknown> ? K : never;
}[keyof R] &
  string;

/**
 * Calls a method of another process's object and returns with its result. For scripts: the event loop sleeps until then, so
 * no timer, no I/O and no handler runs, but for handlers that answer at once a call that the callee makes back.
 * Descriptors do not travel in such calls.
 *
 * @param ref - a typed reference
 * @throws BinderError what the promise of the same call would reject with; INVALID_OPERATION for an object of this process, or where
 *   the driver needs the event loop (in one process, over a MessagePort); ILLEGAL_STATE in a handler that runs within such a call.
 *
 * @example
 * using chat = await binder.services.get(IChat, 'chat');
 * console.log(transactSync(chat, 'say', 'hello'));
 */
export function transactSync<R extends object, K extends MethodName<R>>(
  ref: R,
  method: K,
  ...args: R[K] extends (...args: infer A) => unknown ? A : never
): R[K] extends (...args: never) => Promise<infer T> ? T : never {
  const type = ref.constructor as Partial<TypedReference>;
  const found = type[methodsOf]?.(method);
  if (!found) throw new BinderError('BAD_VALUE', `Cannot call ${method}: the reference has no such method`);
  const target = refState(ref).live();
  if (target instanceof LocalBinder)
    throw new BinderError('INVALID_OPERATION', `Cannot wait for ${found.qualified}: it is of this process`);
  const write = request(found.descriptor, found, args);
  return target.connection.transactSync(
    target,
    found.code,
    found.flags,
    write,
    response(found),
    found.qualified,
  ) as never;
}

/** Who this process is, where no connection says it. */
const OWN_IDENTITY = (() => {
  const { process } = globalThis as { process?: { pid?: number; geteuid?(): number } };
  return { pid: process?.pid ?? 0, uid: process?.geteuid?.() ?? 0 };
})();

/** Calls an object of this process. */
async function transactInside(
  target: LocalBinder,
  code: number,
  oneway: boolean,
  write: (data: Parcel) => void,
  read: (reply: Parcel) => unknown,
  options: CallOptions | undefined,
): Promise<unknown> {
  const objects = new Passing();
  const data = new Parcel(objects);
  const reply = new Parcel(objects);
  write(data);
  data.rewind();
  const { pid, uid } = target.identity ?? OWN_IDENTITY;
  const outer = oneway ? null : ((options?.inside ?? currentCall()) as ServedCall | null);
  const call: ServedCall = {
    pid: oneway ? 0 : pid,
    uid,
    sid: null,
    oneway,
    thread: outer?.thread ?? null,
    cause: outer?.cause ?? outer,
    isSettled: false,
  };
  await null; // never before the caller has its promise
  const served = runInCall(call, async () => target.transact(code, data, reply, call)).finally(() => {
    call.isSettled = true;
  });
  if (oneway) {
    served.catch(() => {});
    return undefined;
  }
  try {
    await served;
  } catch (error) {
    if (error instanceof BinderError) throw error;
    throw new BinderError('ILLEGAL_STATE', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
  reply.rewind();
  return read(reply);
}

/** Rejects as soon as `signal` aborts; `result` is then nobody's. */
function abortable(result: Promise<unknown>, signal: Signal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Calls any object: what proxies and the standard transactions are made of. */
export function transactWith(
  target: LocalBinder | RemoteBinder,
  code: number,
  flags: number,
  write: (data: Parcel) => void,
  read: (reply: Parcel) => unknown,
  options: CallOptions | undefined,
  what: string,
): Promise<unknown> {
  if (!areCallsTraced()) return send(target, code, flags, write, read, options, what);
  const oneway = (flags & TF_ONE_WAY) !== 0;
  const [handle, connection] =
    target instanceof LocalBinder ? [null, null] : [target.handle, target.connection];
  return traceCall({ method: what, handle, oneway, connection }, () =>
    send(target, code, flags, write, read, options, what),
  );
}

function send(
  target: LocalBinder | RemoteBinder,
  code: number,
  flags: number,
  write: (data: Parcel) => void,
  read: (reply: Parcel) => unknown,
  options: CallOptions | undefined,
  what: string,
): Promise<unknown> {
  const signal = options?.signal;
  if (signal?.aborted) return fails(signal.reason);
  const result =
    target instanceof LocalBinder
      ? transactInside(target, code, (flags & TF_ONE_WAY) !== 0, write, read, options)
      : target.connection.transact(target, code, flags, write, read, options, what);
  return signal ? abortable(result, signal) : result;
}

function readResults({ results, keys }: Method, reply: Parcel): unknown {
  if (results.length === 0) return undefined;
  if (results.length === 1) return (results[0] as Codec).read(reply);
  const values: Record<string, unknown> = {};
  for (let i = 0; i < results.length; i++) values[keys[i] as string] = (results[i] as Codec).read(reply);
  return values;
}

type Handled = Record<string, ((...args: unknown[]) => unknown) | undefined>;

/** An object made by `implement`. */
class Implementation extends LocalBinder {
  readonly descriptor: string;
  readonly handlers: Handled;
  override readonly wantsSid: boolean;
  override readonly isSensitive: boolean;
  readonly stability: number;
  readonly #table: InterfaceTable;
  readonly #methods: Map<number, Method>;
  readonly #options: ImplementOptions;

  constructor(
    descriptor: string,
    table: InterfaceTable,
    methods: Map<number, Method>,
    handlers: Handled,
    options: ImplementOptions,
  ) {
    super();
    this.descriptor = descriptor;
    this.handlers = handlers;
    this.stability = table.stability === 'vintf' ? STABILITY_VINTF : STABILITY_SYSTEM;
    this.isSensitive = table.sensitive === true;
    this.wantsSid = options.requestSid === true;
    this.#table = table;
    this.#methods = methods;
    this.#options = options;
  }

  override nameOf(code: number): string {
    return this.#methods.get(code)?.qualified ?? super.nameOf(code);
  }

  transact(code: number, data: Parcel, reply: Parcel, call: ServedCall): Awaitable<void> {
    const method = this.#methods.get(code);
    if (!method || typeof this.handlers[method.name] !== 'function') {
      return standard.answer(this, this.#table, this.#options, code, data, reply, call);
    }
    data.enforceInterface(this.descriptor);
    const { permission } = method;
    if (permission === undefined) return this.#handle(method, data, reply, call);
    return this.#isPermitted(permission, call).then((isPermitted) => {
      if (isPermitted) return this.#handle(method, data, reply, call);
      throw new SecurityError(
        `Cannot call ${method.qualified}: uid ${call.uid} lacks ${JSON.stringify(permission)}`,
      );
    });
  }

  #handle(method: Method, data: Parcel, reply: Parcel, call: ServedCall): Awaitable<void> {
    const args: unknown[] = [];
    try {
      for (const codec of method.parameters) args.push(codec.read(data));
    } catch (error) {
      // What was received so far belongs to nobody.
      (data.objects as { abandon?(): void }).abandon?.();
      throw error;
    }
    args.push(call);
    const handler = this.handlers[method.name] as (...args: unknown[]) => unknown;
    const result = handler.apply(this.handlers, args);
    if (result instanceof Promise) return result.then((value) => writeResults(method, value, reply));
    writeResults(method, result, reply);
  }

  async #isPermitted(permission: PermissionSpec, call: Call): Promise<boolean> {
    const { checkPermission } = this.#options;
    if (!checkPermission) return false;
    if (typeof permission === 'string') return checkPermission(permission, call);
    const isAny = 'any' in permission;
    for (const one of isAny ? permission.any : permission.all) {
      if ((await checkPermission(one, call)) === isAny) return isAny;
    }
    return !isAny;
  }
}

function writeResults({ oneway, results, keys, qualified }: Method, value: unknown, reply: Parcel): void {
  if (oneway) return;
  writeOk(reply);
  if (results.length === 0) return;
  if (results.length === 1) return (results[0] as Codec).write(reply, value);
  if (typeof value !== 'object' || value === null) {
    throw new BinderError(
      'ILLEGAL_STATE',
      `Cannot answer ${qualified}: its handler must return { ${keys.join(', ')} }`,
    );
  }
  for (let i = 0; i < results.length; i++) {
    (results[i] as Codec).write(reply, (value as Record<string, unknown>)[keys[i] as string]);
  }
}
