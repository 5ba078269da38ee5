import type { AnnotationSchema } from './annotations.ts';
import type { Comments } from './comments.ts';
import type { Location } from './source.ts';

/** What a constant expression is made of, and what it may evaluate to. */
export type ConstantKind =
  | 'boolean'
  | 'int8'
  | 'int32'
  | 'int64'
  | 'array'
  | 'char'
  | 'string'
  | 'reference'
  | 'float'
  | 'unary'
  | 'binary'
  | 'error';

/** A constant expression; the evaluator fills in the lower half once. */
export interface Constant {
  readonly kind: ConstantKind;
  readonly location: Location;
  /** As written, without blanks and parentheses. */
  readonly literal: string;
  /** Operands of an operator, or elements of an array. */
  readonly parts: readonly Constant[];
  readonly operator?: string;
  /** Of a reference: the type before the last dot. */
  readonly scope?: TypeSpecifier;
  /** Of a reference: the name after the last dot. */
  readonly field?: string;
  target?: Constant;

  evaluated: boolean;
  valid: boolean;
  finalKind: ConstantKind;
  /** Of integers and booleans (0 or 1). */
  integer: bigint;
  /** Of strings and characters, with their quotes. */
  text: string;
}

/** `@Name(parameter=value)` before a type, a declaration or a method. */
export interface Annotation {
  readonly kind: 'annotation';
  readonly name: string;
  readonly schema: AnnotationSchema;
  readonly parameters: ReadonlyMap<string, Constant>;
  readonly location: Location;
  readonly comments: Comments;
}

/** `[]`, or `[N][M]` with all its dimensions. */
export type ArrayShape = { readonly dimensions: readonly Constant[] | 'dynamic' };

/** A type as a declaration mentions it: a name, its parameters and dimensions; resolved once. */
export interface TypeSpecifier {
  readonly kind: 'type';
  readonly location: Location;
  readonly unresolvedName: string;
  comments: Comments;
  annotations: Annotation[];
  parameters: TypeSpecifier[] | undefined;
  array: ArrayShape | undefined;
  /** The fully qualified name once resolved. */
  name: string;
  resolved: boolean;
  /** Undefined for built-in types. */
  definition: DefinedType | undefined;
}

interface Member {
  readonly name: string;
  readonly location: Location;
  comments: Comments;
}

/** A field of a parcelable or union. */
export interface Field extends Member {
  readonly kind: 'field';
  readonly type: TypeSpecifier;
  readonly value: Constant | undefined;
  /** False for the zero that numbers have without a written default. */
  readonly valueWritten: boolean;
}

/** An argument of a method. */
export interface Argument extends Member {
  readonly kind: 'argument';
  readonly type: TypeSpecifier;
  readonly direction: 'in' | 'out' | 'inout';
  readonly directionWritten: boolean;
}

/** `const TYPE NAME = VALUE;` in an interface or parcelable. */
export interface ConstantDeclaration extends Member {
  readonly kind: 'constant';
  readonly type: TypeSpecifier;
  readonly value: Constant;
}

/** A method of an interface; `type` is what it returns. */
export interface Method extends Member {
  readonly kind: 'method';
  oneway: boolean;
  readonly onewayWritten: boolean;
  readonly type: TypeSpecifier;
  readonly arguments: readonly Argument[];
  /** The transaction code less FIRST_CALL_TRANSACTION. */
  id: number;
  readonly idWritten: boolean;
}

/** One name of an enum. */
export interface Enumerator extends Member {
  readonly kind: 'enumerator';
  readonly value: Constant;
  readonly valueWritten: boolean;
}

/** interface, parcelable with fields, parcelable declared elsewhere, union, enum. */
export type DefinedKind = 'interface' | 'parcelable' | 'unstructured' | 'union' | 'enum';

/** A type that a file declares. */
export interface DefinedType extends Member {
  readonly kind: DefinedKind;
  readonly package: string;
  annotations: Annotation[];
  readonly members: readonly (Field | ConstantDeclaration | Method | DefinedType)[];
  readonly enumerators: readonly Enumerator[];
  readonly typeParameters: readonly string[] | undefined;
  readonly oneway: boolean;
  /** The enum `Tag` of a union's tags, which no file declares. */
  readonly implicit: boolean;
  readonly headers: { readonly cpp?: string; readonly ndk?: string; readonly rust?: string };
  parent: DefinedType | undefined;
  document: Document | undefined;
  /** Of an enum: byte, int or long; byte where the file does not say. */
  backing: TypeSpecifier | undefined;
}

/** One AIDL file. */
export interface Document {
  readonly kind: 'document';
  readonly file: string;
  readonly location: Location;
  readonly comments: Comments;
  readonly package: string;
  readonly imports: readonly { readonly name: string; readonly location: Location }[];
  readonly types: readonly DefinedType[];
  readonly preprocessed: boolean;
}

/** The fields of a parcelable or union. */
export const fieldsOf = (type: DefinedType): Field[] =>
  type.members.filter((m): m is Field => m.kind === 'field');
/** The methods of an interface. */
export const methodsOf = (type: DefinedType): Method[] =>
  type.members.filter((m): m is Method => m.kind === 'method');
/** The constants that a type declares. */
export const constantsOf = (type: DefinedType): ConstantDeclaration[] =>
  type.members.filter((m): m is ConstantDeclaration => m.kind === 'constant');
/** The types declared right inside of a type. */
export const nestedTypesOf = (type: DefinedType): DefinedType[] =>
  type.members.filter((m): m is DefinedType => isDefinedType(m));

/** The types themselves and those nested inside, outer ones first. */
export const withNested = (types: readonly DefinedType[]): DefinedType[] =>
  types.flatMap((type) => [type, ...withNested(nestedTypesOf(type))]);

const DEFINED_KINDS = new Set(['interface', 'parcelable', 'unstructured', 'union', 'enum']);

/** Whether a node of the tree declares a type. */
export function isDefinedType(node: { readonly kind: string }): node is DefinedType {
  return DEFINED_KINDS.has(node.kind);
}

/** parcelable of either kind, or union: what a parcel carries by value. */
export const isParcelable = (type: DefinedType | undefined): boolean =>
  type !== undefined && type.kind !== 'interface' && type.kind !== 'enum';

/** `package.Outer.Inner`. */
export function canonicalName(type: DefinedType): string {
  if (type.parent) return `${canonicalName(type.parent)}.${type.name}`;
  return type.package === '' ? type.name : `${type.package}.${type.name}`;
}

/** The annotation of that name, if there is one. */
export function findAnnotation(
  node: { readonly annotations: readonly Annotation[] },
  name: string,
): Annotation | undefined {
  return node.annotations.find((annotation) => annotation.name === name);
}

/** `@VintfStability` and its like hold for the types nested inside, too. */
export function inScopeOf(type: DefinedType, name: string): boolean {
  for (let at: DefinedType | undefined = type; at; at = at.parent) if (findAnnotation(at, name)) return true;
  return false;
}

/** Whether all dimensions of the type have a length. */
export const isFixedArray = (type: TypeSpecifier): boolean =>
  type.array !== undefined && type.array.dimensions !== 'dynamic';

/** The type of an array's elements: one dimension less. */
export function elementType(type: TypeSpecifier): TypeSpecifier {
  const dimensions = type.array?.dimensions;
  const rest = dimensions === 'dynamic' || dimensions === undefined ? [] : dimensions.slice(1);
  return { ...type, array: rest.length > 0 ? { dimensions: rest } : undefined };
}

/** The type as messages and dumps write it, without annotations. */
export function signature(type: TypeSpecifier): string {
  const generic = type.parameters ? `<${type.parameters.map(signature).join(',')}>` : '';
  const dimensions = type.array?.dimensions ?? [];
  const array = dimensions === 'dynamic' ? '[]' : dimensions.map(({ integer }) => `[${integer}]`).join('');
  return type.name + generic + array;
}

/** `name(type, type)`, as messages and dumps write it. */
export const methodSignature = (method: Method): string =>
  `${method.name}(${method.arguments.map((argument) => signature(argument.type)).join(', ')})`;
