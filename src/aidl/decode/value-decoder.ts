import {
  BINDER_TYPE_BINDER,
  BINDER_TYPE_FD,
  BINDER_TYPE_HANDLE,
  BINDER_TYPE_WEAK_BINDER,
  BINDER_TYPE_WEAK_HANDLE,
} from '../../abi/binder.ts';
import {
  canonicalName,
  type DefinedType,
  elementType,
  fieldsOf,
  signature,
  type TypeSpecifier,
} from '../ast.ts';
import { Reporter } from '../diagnostics.ts';
import { Evaluator } from '../evaluate.ts';
import { type ByteReader, Undecodable } from './byte-reader.ts';
import type { DecodedData, DecodedObject, DecodedValue } from './decoded.ts';
import type { AidlModel } from './model.ts';

/** Values within values: bytes must not exhaust the stack. */
const MAX_DEPTH = 64;
/** A sender cannot make the reader list more than these. */
const MAX_VALUES = 100_000;

const OBJECTS: Readonly<Record<number, DecodedObject['object']>> = {
  [BINDER_TYPE_BINDER]: 'binder',
  [BINDER_TYPE_HANDLE]: 'handle',
  [BINDER_TYPE_WEAK_BINDER]: 'weak binder',
  [BINDER_TYPE_WEAK_HANDLE]: 'weak handle',
  [BINDER_TYPE_FD]: 'fd',
};

/** The bytes of elements that are packed. */
const PACKED: Readonly<Record<string, number>> = { byte: 1, int: 4, long: 8, float: 4, double: 8 };

type Content = Partial<Pick<DecodedValue, 'data' | 'label' | 'parts' | 'problem'>>;

/** Decodes values by their types. What cannot be decoded is marked; nothing throws but {@link Undecodable}. */
export class ValueDecoder {
  readonly reader: ByteReader;
  readonly #model: AidlModel;
  readonly #evaluator = new Evaluator(new Reporter());
  #depth = 0;
  #count = 0;

  constructor(reader: ByteReader, model: AidlModel) {
    this.reader = reader;
    this.#model = model;
  }

  /** One value. With a problem it may end before its bytes do: what follows cannot be found, then. */
  value(name: string, type: TypeSpecifier): DecodedValue {
    return this.entry(name, signature(type), () => this.#content(type));
  }

  /** A value whose content `decode` reads. */
  entry(name: string, type: string, decode: () => Content): DecodedValue {
    const offset = this.reader.position;
    const content = this.#guard(decode);
    return { name, type, offset, size: this.reader.position - offset, ...content };
  }

  #guard(decode: () => Content): Content {
    if (this.#depth >= MAX_DEPTH) return { problem: `values lie more than ${MAX_DEPTH} deep` };
    if (++this.#count > MAX_VALUES) return { problem: `there are more than ${MAX_VALUES} values` };
    this.#depth++;
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error;
      return { problem: error.message };
    } finally {
      this.#depth--;
    }
  }

  #content(type: TypeSpecifier): Content {
    const inner = type.array ? elementType(type) : type.name === 'List' ? type.parameters?.[0] : undefined;
    if (inner) return this.#elements(inner);
    const definition = this.#definition(type);
    if (definition) return this.#named(definition);
    switch (type.name) {
      case 'boolean': {
        const word = this.reader.i32();
        return word === 0 || word === 1 ? { data: word === 1 } : { data: word !== 0, label: `${word}` };
      }
      case 'char':
        return { data: String.fromCharCode(this.reader.i32() & 0xffff) };
      case 'byte':
        return { data: (this.reader.i32() << 24) >> 24 };
      case 'int':
        return { data: this.reader.i32() };
      case 'long':
        return { data: this.reader.i64() };
      case 'float':
        return { data: this.reader.f32() };
      case 'double':
        return { data: this.reader.f64() };
      case 'String':
        return { data: this.reader.string16() };
      case 'IBinder':
        return { data: this.#object(true) };
      case 'FileDescriptor':
        return { data: this.#object(false) };
      case 'ParcelFileDescriptor':
        return this.#file();
      case 'ParcelableHolder':
        return this.#holder();
      case 'Map':
        return this.#map();
      default:
        throw new Undecodable(`the type ${signature(type)} is not known`);
    }
  }

  /** The type's own definition, which has been checked as a whole. */
  #definition(type: TypeSpecifier): DefinedType | undefined {
    if (!type.definition) return undefined;
    const name = canonicalName(type.definition);
    const found = this.#model.type(name);
    if (!found) throw new Undecodable(`the type ${name} is not known`);
    return found;
  }

  #named(type: DefinedType): Content {
    switch (type.kind) {
      case 'interface':
        return { data: this.#object(true) };
      case 'enum':
        return this.#enumValue(type);
      case 'parcelable':
        return this.reader.i32() === 0 ? { data: null } : this.#fields(type);
      case 'union':
        return this.reader.i32() === 0 ? { data: null } : this.#member(type);
      default:
        if (this.reader.i32() === 0) return { data: null };
        throw new Undecodable(`${canonicalName(type)} is not structured: only its own code can read it`);
    }
  }

  #enumValue(type: DefinedType): Content {
    const backing = type.backing?.name;
    const data = backing === 'long' ? this.reader.i64() : this.reader.i32();
    const value = backing === 'byte' ? BigInt((Number(data) << 24) >> 24) : BigInt(data);
    const label = type.enumerators.find(({ value: constant }) => {
      this.#evaluator.evaluate(constant);
      return constant.integer === value;
    })?.name;
    return { data: backing === 'long' ? value : Number(value), ...(label === undefined ? {} : { label }) };
  }

  /** `i32 size, from here to the end | field | …`: whatever happens inside, what follows is found. */
  #fields(type: DefinedType): Content {
    const { reader } = this;
    const start = reader.position;
    const size = reader.i32();
    const end = start + size;
    if (size < 4 || end > reader.limit) throw new Undecodable(`a parcelable of ${size} bytes`);
    const outer = reader.limit;
    reader.limit = end;
    const parts: DecodedValue[] = [];
    for (const field of fieldsOf(type)) {
      // The sender may know fewer fields.
      if (reader.left === 0) break;
      const value = this.value(field.name, field.type);
      parts.push(value);
      if (value.problem !== undefined) break;
    }
    const left = reader.left;
    reader.limit = outer;
    reader.position = end;
    if (left > 0 && parts.at(-1)?.problem === undefined)
      return { parts, label: `and ${left} bytes of a newer version` };
    return { parts };
  }

  #member(type: DefinedType): Content {
    const tag = this.reader.i32();
    const field = fieldsOf(type)[tag];
    if (!field) throw new Undecodable(`${canonicalName(type)} has no member ${tag}`);
    return this.#whole([this.value(field.name, field.type)]);
  }

  /** Where a part has a problem that hides what follows, the whole has. */
  #whole(parts: readonly DecodedValue[]): Content {
    const problem = parts.at(-1)?.problem;
    return problem === undefined ? { parts } : { parts, problem };
  }

  #elements(type: TypeSpecifier): Content {
    const { reader } = this;
    const definition = type.array ? undefined : this.#definition(type);
    const isEnum = definition?.kind === 'enum';
    const element = isEnum ? definition.backing!.name : type.array ? '' : type.name;
    const size = PACKED[element] ?? 4;
    const count = reader.count(size);
    if (count === -1) return { data: null };
    if (element === 'byte' && !isEnum) return { data: reader.bytes(count) };
    const parts: DecodedValue[] = [];
    if (element === 'byte') {
      const offset = reader.position;
      for (const [i, byte] of reader.bytes(count).entries()) {
        const data = (byte << 24) >> 24;
        parts.push({ name: `[${i}]`, type: signature(type), offset: offset + i, size: 1, data });
      }
      return { parts };
    }
    for (let i = 0; i < count; i++) {
      const part = this.value(`[${i}]`, type);
      parts.push(part);
      if (part.problem !== undefined) break;
    }
    return this.#whole(parts);
  }

  /** `flat_binder_object (24)`, and behind a binder its stability. */
  #object(isBinder: boolean): DecodedData {
    const { reader } = this;
    const type = reader.i32();
    reader.i32(); // flags
    const id = reader.u64();
    reader.u64(); // cookie
    const object = OBJECTS[type] ?? 'unknown';
    if (object === 'unknown') throw new Undecodable(`an object of type 0x${(type >>> 0).toString(16)}`);
    if (!isBinder) return { object, id: Number(BigInt.asIntN(32, BigInt(id))) };
    const stability = reader.i32();
    return object === 'binder' && id === 0 ? null : { object, id, stability };
  }

  #file(): Content {
    if (this.reader.i32() === 0) return { data: null };
    const hasChannel = this.reader.i32() !== 0;
    const data = this.#object(false);
    if (hasChannel) this.#object(false);
    return { data };
  }

  /** `i32 1 | i32 stability | i32 size | String16 name | payload` */
  #holder(): Content {
    const { reader } = this;
    if (reader.i32() === 0) return { data: null };
    reader.i32(); // stability
    const size = reader.i32();
    if (size === 0) return { parts: [] };
    const end = reader.position + size;
    if (size < 0 || end > reader.limit) throw new Undecodable(`a holder of ${size} bytes`);
    const outer = reader.limit;
    reader.limit = end;
    const content = this.#guard(() => {
      const name = reader.string16();
      const type = name === null ? undefined : this.#model.type(name);
      if (!type) throw new Undecodable(`it holds ${name}, which is not known`);
      return { parts: [this.entry(type.name, canonicalName(type), () => this.#named(type))] };
    });
    reader.limit = outer;
    reader.position = end;
    // What follows is found: the problem is the payload's alone.
    return content.problem === undefined ? content : { label: content.problem, parts: [] };
  }

  #map(): Content {
    const count = this.reader.count(8);
    if (count === -1) return { data: null };
    const parts: DecodedValue[] = [];
    for (let i = 0; i < count; i++) {
      const key = this.entry('key', 'String', () => this.#mapValue());
      const name = typeof key.data === 'string' ? key.data : `[${i}]`;
      const part = key.problem === undefined ? this.entry(name, 'value', () => this.#mapValue()) : key;
      parts.push(part);
      if (part.problem !== undefined) break;
    }
    return this.#whole(parts);
  }

  /** Java's `Parcel.writeValue`: an i32 that says which type, then the value. */
  #mapValue(): Content {
    const { reader } = this;
    const type = reader.i32();
    switch (type) {
      case -1:
        return { data: null };
      case 0:
        return { data: reader.string16() };
      case 1:
      case 5:
      case 20:
        return { data: reader.i32() };
      case 6:
        return { data: reader.i64() };
      case 7:
        return { data: reader.f32() };
      case 8:
        return { data: reader.f64() };
      case 9:
        return { data: reader.i32() !== 0 };
      case 13: {
        const count = reader.count(1);
        return { data: count < 0 ? null : reader.bytes(count) };
      }
      case 15:
        return { data: this.#object(true) };
      default:
        throw new Undecodable(`a value of type ${type}, which only its class can read`);
    }
  }
}
