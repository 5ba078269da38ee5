import { type DefinedType, type Method, methodsOf } from '../ast.ts';
import { META_METHOD_IDS } from '../method-ids.ts';
import { ByteReader, Undecodable } from './byte-reader.ts';
import type { DecodedTransaction, DecodedValue } from './decoded.ts';
import type { AidlModel } from './model.ts';
import { ValueDecoder } from './value-decoder.ts';

/** Transactions that every object knows: `_` and three letters. */
const STANDARD: Readonly<Record<number, string>> = {
  1599098439: 'ping',
  1598968902: 'interface',
  1598311760: 'dump',
  1598246212: 'shellCommand',
  1598380116: 'extension',
  1599097156: 'debugPid',
  1599295570: 'sysprops',
  [META_METHOD_IDS.getInterfaceVersion + 1]: 'getInterfaceVersion',
  [META_METHOD_IDS.getInterfaceHash + 1]: 'getInterfaceHash',
};
/** SYST, VNDR, RECO, UNKN: the header word of a request since Android 11. */
const HEADERS: ReadonlySet<number> = new Set([0x53595354, 0x564e4452, 0x5245434f, 0x554e4b4e]);

/**
 * Tells what the bytes of a recorded transaction mean: which interface its token names, which method its code stands
 * for, and the arguments. Bytes that are not what the model says, cut off or made up, are marked as such; it never throws.
 *
 * @param model - the interfaces that may occur
 * @param code - of the transaction
 * @param bytes - the data of the transaction's buffer
 */
export function decodeTransaction(model: AidlModel, code: number, bytes: Uint8Array): DecodedTransaction {
  const decoder = new ValueDecoder(new ByteReader(bytes), model);
  const header = requestHeader(decoder);
  const descriptor = header.find(({ name }) => name === 'interface')?.data;
  const type = typeof descriptor === 'string' ? model.interface(descriptor) : undefined;
  const method = methodOf(type, code);
  const problem =
    header.find((value) => value.problem !== undefined)?.problem ??
    (type ? undefined : `the interface ${String(descriptor)} is not known`) ??
    missing(method, type, code);
  const values =
    problem === undefined && method
      ? untilOneFails(
          method.arguments
            .filter(({ direction, type: of }) => direction !== 'out' || of.array?.dimensions === 'dynamic')
            .map((argument) => () => {
              if (argument.direction !== 'out') return decoder.value(argument.name, argument.type);
              const length = () => ({ data: decoder.reader.i32() });
              return decoder.entry(`${argument.name}Length`, 'int', length);
            }),
        )
      : [];
  return result(
    decoder,
    typeof descriptor === 'string' ? descriptor : undefined,
    code,
    method,
    header,
    values,
    problem,
  );
}

/**
 * As {@link decodeTransaction}, for the reply to a transaction.
 *
 * @param descriptor - of the interface, which a reply does not name
 */
export function decodeReply(
  model: AidlModel,
  descriptor: string,
  code: number,
  bytes: Uint8Array,
): DecodedTransaction {
  const decoder = new ValueDecoder(new ByteReader(bytes), model);
  const type = model.interface(descriptor);
  const method = methodOf(type, code);
  const { header, isOk } = status(decoder);
  const problem =
    header.find((value) => value.problem !== undefined)?.problem ??
    (type ? undefined : `the interface ${descriptor} is not known`) ??
    missing(method, type, code);
  const readers: (() => DecodedValue)[] = [];
  if (problem === undefined && method && isOk) {
    if (method.type.name !== 'void') readers.push(() => decoder.value('result', method.type));
    for (const { name, type: of, direction } of method.arguments) {
      if (direction !== 'in') readers.push(() => decoder.value(name, of));
    }
  }
  return result(decoder, descriptor, code, method, header, untilOneFails(readers), problem);
}

function methodOf(type: DefinedType | undefined, code: number): Method | undefined {
  return type && methodsOf(type).find(({ id }) => id + 1 === code);
}

function missing(
  method: Method | undefined,
  type: DefinedType | undefined,
  code: number,
): string | undefined {
  if (method || STANDARD[code] !== undefined) return undefined;
  return `${type?.name} has no method of code ${code}`;
}

/** Behind a value that is not what it should be, nothing is where it should be. */
function untilOneFails(readers: readonly (() => DecodedValue)[]): DecodedValue[] {
  const values: DecodedValue[] = [];
  for (const read of readers) {
    const value = read();
    values.push(value);
    if (value.problem !== undefined) break;
  }
  return values;
}

function result(
  { reader }: ValueDecoder,
  descriptor: string | undefined,
  code: number,
  method: Method | undefined,
  header: readonly DecodedValue[],
  values: readonly DecodedValue[],
  problem: string | undefined,
): DecodedTransaction {
  const last = values.at(-1);
  return {
    interface: descriptor,
    method: method?.name ?? STANDARD[code],
    oneway: method?.oneway ?? false,
    header,
    values,
    rest: { offset: reader.position, size: reader.left },
    problem: problem ?? (last?.problem === undefined ? undefined : `${last.name}: ${last.problem}`),
  };
}

/** `i32 strict mode | i32 work source | i32 header | String16 descriptor`; Android 10 has no header. */
function requestHeader(decoder: ValueDecoder): DecodedValue[] {
  const { reader } = decoder;
  const word = (name: string) => decoder.entry(name, 'int', () => ({ data: reader.i32() }));
  const values = [word('strictMode'), word('workSource')];
  if (values.some(({ problem }) => problem !== undefined)) return values;
  const before = reader.position;
  const header = decoder.entry('header', 'int', () => {
    const data = reader.i32();
    return HEADERS.has(data) ? { data, label: letters(data) } : { data };
  });
  if (header.label === undefined) reader.position = before;
  else values.push(header);
  values.push(
    decoder.entry('interface', 'String', () => {
      const data = reader.string16();
      if (data === null) throw new Undecodable('no interface is named');
      return { data };
    }),
  );
  return values;
}

const letters = (word: number): string =>
  String.fromCharCode((word >>> 24) & 0xff, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff);

/** Exceptions that a status may name, Android's `binder::Status`. */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  0: 'none',
  [-1]: 'SECURITY',
  [-2]: 'BAD_PARCELABLE',
  [-3]: 'ILLEGAL_ARGUMENT',
  [-4]: 'NULL_POINTER',
  [-5]: 'ILLEGAL_STATE',
  [-6]: 'NETWORK_MAIN_THREAD',
  [-7]: 'UNSUPPORTED_OPERATION',
  [-8]: 'SERVICE_SPECIFIC',
  [-9]: 'PARCELABLE',
};
const HAS_NOTED_APPOPS = -127;
const HAS_STRICT_MODE = -128;
const SERVICE_SPECIFIC = -8;

/** `i32 exception`, and if there is one `String16 message | i32 stack | i32 code`. */
function status(decoder: ValueDecoder): { header: DecodedValue[]; isOk: boolean } {
  const { reader } = decoder;
  const header: DecodedValue[] = [];
  let data = 0;
  const exception = decoder.entry('exception', 'int', () => {
    data = reader.i32();
    if (data === HAS_NOTED_APPOPS) {
      skip(reader);
      data = reader.i32();
    }
    if (data === HAS_STRICT_MODE) {
      skip(reader);
      data = 0;
    }
    const label = EXCEPTIONS[data];
    if (label === undefined) throw new Undecodable(`there is no exception ${data}`);
    return { data, label };
  });
  header.push(exception);
  if (exception.problem !== undefined || data === 0) {
    return { header, isOk: exception.problem === undefined };
  }
  header.push(decoder.entry('message', 'String', () => ({ data: reader.string16() })));
  const stack = decoder.entry('stack', 'int', () => {
    const start = reader.position;
    const size = reader.i32();
    if (size > 0) reader.position = Math.min(reader.limit, start + size);
    return { data: size };
  });
  header.push(stack);
  if (data === SERVICE_SPECIFIC) header.push(decoder.entry('code', 'int', () => ({ data: reader.i32() })));
  return { header, isOk: false };
}

/** A header's size counts itself. */
function skip(reader: ByteReader): void {
  const start = reader.position;
  const size = reader.i32();
  if (size < 4) throw new Undecodable(`a header of ${size} bytes`);
  reader.position = Math.min(reader.limit, start + ((size + 3) & ~3));
}
