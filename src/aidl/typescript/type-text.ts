import {
  canonicalName,
  type DefinedType,
  elementType,
  type Field,
  fieldsOf,
  findAnnotation,
  type TypeSpecifier,
} from '../ast.ts';
import { isBuiltIn, qualify, type TypeTable } from '../type-table.ts';
import { type Doc, object } from './layout.ts';
import type { ModuleScope } from './module-scope.ts';

/** A type is told twice: as it is decoded, and as it is accepted for encoding, which asks for less. */
export type Side = 'decoded' | 'encoded';

const SIMPLE: Readonly<Record<string, string>> = {
  void: 'void',
  boolean: 'boolean',
  byte: 'number',
  char: 'string',
  int: 'number',
  long: 'bigint',
  float: 'number',
  double: 'number',
  String: 'string',
};
const OF_RUNTIME: Readonly<Record<string, string>> = {
  IBinder: 'Ref',
  FileDescriptor: 'FileDescriptor',
  ParcelFileDescriptor: 'FileDescriptor',
  ParcelableHolder: 'ParcelableHolder',
};
/** Arrays that lie in memory as they travel. */
const PACKED: Readonly<Record<string, string>> = {
  byte: 'Uint8Array',
  int: 'Int32Array',
  long: 'BigInt64Array',
  float: 'Float32Array',
  double: 'Float64Array',
};
const PRIMITIVES = new Set(['boolean', 'byte', 'char', 'int', 'long', 'float', 'double']);

export const isNullable = (type: TypeSpecifier): boolean => findAnnotation(type, 'nullable') !== undefined;

/** Whether null has a meaning for it: numbers and enums are always there. */
const canBeNull = ({ name, array: shape, definition }: TypeSpecifier): boolean =>
  shape !== undefined || !(PRIMITIVES.has(name) || definition?.kind === 'enum');

/** What @nullable says of an array or list holds for its elements, too. */
function elementsOf(type: TypeSpecifier): TypeSpecifier | undefined {
  const inner = type.array ? elementType(type) : type.name === 'List' ? type.parameters?.[0] : undefined;
  if (!inner) return undefined;
  const { annotations } = type;
  // Inner dimensions are there if the outer one is.
  const inherits = isNullable(type) && !inner.array && canBeNull(inner);
  return { ...inner, annotations: inherits ? annotations : inner.array ? annotations : [] };
}

/** The type in TypeScript: `Uint8Array`, `(string | null)[]`. */
export function typeText(type: TypeSpecifier, side: Side, scope: ModuleScope, isInner = false): string {
  const text = presentText(type, side, scope);
  return isNullable(type) && !(isInner && type.array) && canBeNull(type) ? `${text} | null` : text;
}

function presentText(type: TypeSpecifier, side: Side, scope: ModuleScope): string {
  const element = elementsOf(type);
  if (element) {
    const packed = type.array && !element.array ? PACKED[element.name] : undefined;
    if (packed !== undefined && side === 'decoded') return scope.global(packed);
    const inner = typeText(element, side, scope, true);
    if (side === 'encoded') return `${scope.global('ArrayLike')}<${inner}>`;
    return inner.includes(' ') ? `(${inner})[]` : `${inner}[]`;
  }
  if (type.name === 'Map') {
    const value = type.parameters?.[1];
    const inner = value ? typeText(value, side, scope) : 'unknown';
    if (side === 'decoded') return `${scope.global('Map')}<string, ${inner}>`;
    const record = `${scope.global('Readonly')}<${scope.global('Record')}<string, ${inner}>>`;
    return `${scope.global('ReadonlyMap')}<string, ${inner}> | ${record}`;
  }
  const ofRuntime = OF_RUNTIME[type.name];
  if (ofRuntime !== undefined) return scope.ub(ofRuntime);
  const { definition } = type;
  if (!definition) return SIMPLE[type.name] as string;
  const name = scope.type(definition);
  if (definition.kind === 'interface') return `${scope.ub('Ref')}<${name}>`;
  const hasInit = definition.kind === 'parcelable' || definition.kind === 'union';
  return hasInit && side === 'encoded' ? `${name}.Init` : name;
}

/** The type as the table has it: `{ nullable: { array: 'int' } }`. */
export function typeSpec(type: TypeSpecifier, scope: ModuleScope, isInner = false): Doc {
  const spec = presentSpec(type, scope);
  const nullable = isNullable(type) && !(isInner && type.array) && canBeNull(type);
  return nullable ? object([['nullable: ', spec]]) : spec;
}

function presentSpec(type: TypeSpecifier, scope: ModuleScope): Doc {
  const element = elementsOf(type);
  if (element) {
    const inner = typeSpec(element, scope, true);
    if (!type.array) return object([['list: ', inner]]);
    const { dimensions } = type.array;
    if (dimensions === 'dynamic') return object([['array: ', inner]]);
    return object([
      ['array: ', inner],
      ['length: ', `${dimensions[0]!.integer}`],
    ]);
  }
  const value = type.name === 'Map' ? type.parameters?.[1] : undefined;
  if (value) return object([['map: ', typeSpec(value, scope)]]);
  if (type.definition) return `() => ${scope.type(type.definition)}`;
  return `'${type.name}'`;
}

/** Why TypeScript cannot have a type that aidl lets pass because Java has it; undefined where it can. */
export function unsupported(type: TypeSpecifier): string | undefined {
  if (type.name === 'CharSequence') return 'CharSequence is Java only';
  if (type.name === 'List' && !type.parameters) return 'a List without a type is Java only';
  const value = type.name === 'Map' ? type.parameters?.[1] : undefined;
  if (value?.definition) return `a Map of ${canonicalName(value.definition)} is Java only`;
  return type.parameters?.map(unsupported).find((reason) => reason !== undefined);
}

/** Whether a value can be made up for a place of this type, inside of `owner`, where none is given. */
export function hasDefault(
  type: TypeSpecifier,
  owner: DefinedType,
  types: TypeTable,
  path: readonly DefinedType[] = [],
): boolean {
  if (isNullable(type) && canBeNull(type)) return true;
  if (type.array?.dimensions === 'dynamic') return true;
  // Types of imported files may be known by what is written there only.
  const name = type.resolved ? type.name : qualify(owner, type.unresolvedName);
  const definition = type.definition ?? types.get(name);
  if (!definition)
    return isBuiltIn(name) && !/(^|[.])(IBinder|FileDescriptor|ParcelFileDescriptor)$/.test(name);
  if (path.includes(definition)) return false;
  const isDefaulted = ({ valueWritten, type: inner }: Field): boolean =>
    valueWritten || hasDefault(inner, definition, types, [...path, definition]);
  switch (definition.kind) {
    case 'enum':
      return true;
    case 'parcelable':
      return fieldsOf(definition).every(isDefaulted);
    case 'union':
      return fieldsOf(definition).slice(0, 1).every(isDefaulted);
    default:
      return false;
  }
}
