import { constantsOf, type DefinedType, fieldsOf, methodsOf, nestedTypesOf } from '../ast.ts';
import type { Location } from '../source.ts';

/** What no type, constant or parameter of a module can be called, and what types mean something else by. */
const RESERVED = new Set(
  (
    'abstract any arguments as asserts async await bigint boolean break case catch class const continue debugger ' +
    'declare default delete do else enum eval export extends false finally for from function get global globalThis ' +
    'if implements import in infer instanceof interface intrinsic is keyof let module namespace never new null ' +
    'number object of out package private protected public readonly require return satisfies set static string ' +
    'super switch symbol then this throw true try type typeof undefined unique unknown using var void while with yield'
  ).split(' '),
);

/** Properties that each object has, which a method or field of their name would hide from whoever relies on them. */
const INHERITED = new Set(
  (
    '__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ constructor hasOwnProperty ' +
    'isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf'
  ).split(' '),
);

/** Properties of the types that the runtime defines, and the types that the generator adds to theirs. */
const OF_TYPES = new Set(['create', 'descriptor', 'fromBinder', 'implement', 'setDefault']);
const ADDED = new Set(['Handlers', 'Init', 'Type']);

/** A name for a parameter: it may be any that the language allows, and is free. */
export function localName(name: string, taken: ReadonlySet<string> = new Set()): string {
  let free = RESERVED.has(name) ? `${name}_` : name;
  while (taken.has(free)) free += '_';
  return free;
}

/** A method called `then` would make the proxy look like a promise. */
export function methodName(name: string): string {
  return name === 'then' || INHERITED.has(name) ? `${name}_` : name;
}

export function fieldName(name: string): string {
  return INHERITED.has(name) ? `${name}_` : name;
}

export function enumeratorName(name: string): string {
  return name === '__proto__' ? `${name}_` : name;
}

/** The name of a type where it is declared: in its module, or in the type around it. */
export function typeName(type: DefinedType): string {
  const { name, parent } = type;
  if (!parent) return RESERVED.has(name) ? `${name}_` : name;
  const isTaken =
    RESERVED.has(name) ||
    INHERITED.has(name) ||
    OF_TYPES.has(name) ||
    ADDED.has(name) ||
    ancestors(parent).some((outer) => outer.name === name);
  return isTaken ? `${name}_` : name;
}

/** The name of a constant: a property of its type, beside nested types. */
export function constantName(owner: DefinedType, name: string): string {
  const nested = nestedTypesOf(owner).map(typeName);
  const isTaken = INHERITED.has(name) || OF_TYPES.has(name) || nested.includes(name);
  return isTaken ? `${name}_` : name;
}

function ancestors(type: DefinedType): DefinedType[] {
  return type.parent ? [type, ...ancestors(type.parent)] : [type];
}

/** The names from the outermost type to this one. */
export function typePath(type: DefinedType): string[] {
  if (type.parent) return [...typePath(type.parent), typeName(type)];
  // A declaration may name a nested class of Java's.
  return typeName(type).split('.');
}

/** A name of AIDL's and what it is in TypeScript. */
export interface NamePair {
  readonly node: { readonly location: Location };
  readonly from: string;
  readonly to: string;
}

/** The names that the members of a type have beside each other; those of nested types apart. */
export function memberNames(type: DefinedType): NamePair[][] {
  const pair = (node: Pick<DefinedType, 'location' | 'name'>, to: string): NamePair => ({
    node,
    from: node.name,
    to,
  });
  const nested = nestedTypesOf(type).filter(({ implicit }) => !implicit);
  return [
    type.enumerators.map((enumerator) => pair(enumerator, enumeratorName(enumerator.name))),
    methodsOf(type).map((method) => pair(method, methodName(method.name))),
    fieldsOf(type).map((field) => pair(field, fieldName(field.name))),
    [
      ...constantsOf(type).map((constant) => pair(constant, constantName(type, constant.name))),
      ...nested.map((inner) => pair(inner, typeName(inner))),
    ],
  ];
}
