import { CONTEXTS, type ParameterType } from './annotations.ts';
import {
  type Annotation,
  type Argument,
  type Constant,
  type ConstantDeclaration,
  constantsOf,
  type DefinedType,
  type Document,
  type Field,
  fieldsOf,
  findAnnotation,
  isDefinedType,
  isFixedArray,
  isParcelable,
  type Method,
  methodSignature,
  methodsOf,
  nestedTypesOf,
  signature,
  type TypeSpecifier,
} from './ast.ts';
import { checkType, isPrimitive } from './check-type.ts';
import { findReference, typeSpecifier } from './constant.ts';
import { hasCyclicNesting } from './containment.ts';
import type { Reporter } from './diagnostics.ts';
import { Evaluator } from './evaluate.ts';
import { formatLocation } from './source.ts';

const JAVA_KEYWORDS = new Set(
  (
    'abstract assert boolean break byte case catch char class const continue default do double else enum extends ' +
    'final finally float for goto if implements import instanceof int interface long native new package private ' +
    'protected public return short static strictfp super switch synchronized this throw throws transient try void ' +
    'volatile while true false null'
  ).split(' '),
);
const RESERVED_METHODS = new Set([
  ...['asBinder()', 'getInterfaceHash()', 'getInterfaceVersion()', 'getTransactionName(int)'],
]);
const CONSTANT_TYPES = new Set(['String', 'byte', 'int', 'long', 'float', 'double']);
const PERMISSIONS = ['EnforcePermission', 'PermissionManuallyEnforced', 'RequiresNoPermission'];

export const hasPermission = (node: { readonly annotations: readonly Annotation[] }): boolean =>
  PERMISSIONS.some((name) => findAnnotation(node, name));

/** Checks what a document means. Each check stops where aidl's does, so that the same errors are told. */
export class Checker {
  readonly #reporter: Reporter;
  readonly #evaluator: Evaluator;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
    this.#evaluator = new Evaluator(reporter);
  }

  // ---- Types ------------------------------------------------------------------------------------------

  type(type: DefinedType): boolean {
    if (!this.#annotations(type, type.location) || !this.#members(type)) return false;
    switch (type.kind) {
      case 'interface':
        return this.#interface(type);
      case 'enum':
        return this.#enum(type);
      default:
        return this.#parcelable(type);
    }
  }

  #members(type: DefinedType): boolean {
    let valid = true;
    const nested = nestedTypesOf(type);
    for (const inner of nested) valid = valid && this.type(inner);
    if (type.typeParameters && nested.length > 0) {
      return this.#error(type, "Generic types can't have nested types.");
    }
    const nestedNames = new Set<string>();
    for (const inner of nested) {
      if (nestedNames.has(inner.name)) valid = this.#error(inner, `Redefinition of '${inner.name}'.`);
      nestedNames.add(inner.name);
      if (inner.name === type.name) {
        valid = this.#error(inner, `Nested type '${type.name}' has the same name as its parent.`);
      }
      if (inner.kind === 'unstructured') {
        const text = 'is nested. Unstructured parcelables should be at the root scope.';
        return this.#error(inner, `'${inner.name}' ${text}`);
      }
    }
    if (hasCyclicNesting(nested)) {
      return this.#error(
        type,
        `${type.name} has nested types with cyclic references. ` +
          "C++ and NDK backends don't support cyclic references.",
      );
    }
    for (const field of fieldsOf(type)) valid = this.#field(field) && valid;
    const names = new Set<string>();
    for (const field of fieldsOf(type)) {
      if (names.has(field.name)) {
        valid = this.#error(field, `'${type.name}' has duplicate field name '${field.name}'`);
      }
      names.add(field.name);
    }
    if (findAnnotation(type, 'JavaOnlyImmutable')) {
      for (const field of fieldsOf(type)) {
        if (this.#canBeImmutable(field.type)) continue;
        valid = this.#error(
          field,
          `The @JavaOnlyImmutable '${type.name}' has a non-immutable field named '${field.name}'.`,
        );
      }
    }
    if (!this.#rustDerives(type)) valid = false;
    const constants = new Set<string>();
    for (const constant of constantsOf(type)) {
      if (constants.has(constant.name)) {
        valid = this.#error(constant, `Found duplicate constant name '${constant.name}'`);
      }
      constants.add(constant.name);
      valid = valid && this.#constant(constant);
    }
    return valid;
  }

  #rustDerives(type: DefinedType): boolean {
    let valid = true;
    const wanted = derives(type);
    for (const field of fieldsOf(type)) {
      const { definition } = field.type;
      if (definition?.kind !== 'parcelable' && definition?.kind !== 'union') continue;
      const has = derives(definition);
      for (const derive of wanted) {
        if (has.includes(derive)) continue;
        valid = this.#error(
          field,
          `Field ${field.name} of type with @RustDerive ${derive} also needs to derive this`,
        );
      }
    }
    return valid;
  }

  #getterNames(type: DefinedType): boolean {
    let valid = true;
    const getters = new Set<string>();
    for (const field of fieldsOf(type)) {
      const getter = field.name[0]!.toUpperCase() + field.name.slice(1);
      if (getters.has(getter)) {
        const after = 'after capitalizing the first letter';
        valid = this.#error(field, `'${type.name}' has duplicate field name '${field.name}' ${after}`);
      }
      getters.add(getter);
    }
    return valid;
  }

  #parcelable(type: DefinedType): boolean {
    const parameters = type.typeParameters ?? [];
    if (new Set(parameters).size !== parameters.length) {
      return this.#error(type, 'Every type parameter should be unique.');
    }
    let valid = true;
    if (findAnnotation(type, 'FixedSize')) {
      for (const field of fieldsOf(type)) {
        if (canBeFixedSize(field.type)) continue;
        const what = `has a non-fixed size field named ${field.name}.`;
        valid = this.#error(field, `The @FixedSize parcelable '${type.name}' ${what}`);
      }
    }
    if (!valid) return false;
    if (type.kind === 'union') return this.#union(type);
    if (type.kind !== 'parcelable' || !findAnnotation(type, 'JavaOnlyImmutable')) return true;
    return this.#getterNames(type);
  }

  #union(type: DefinedType): boolean {
    if (!this.#getterNames(type)) return false;
    let valid = true;
    for (const field of fieldsOf(type)) {
      if (field.type.name !== 'ParcelableHolder') continue;
      valid = this.#error(field, `A union can't have a member of ParcelableHolder '${field.name}'`);
    }
    const first = fieldsOf(type)[0];
    if (!first) return this.#error(type, `The union '${type.name}' has no fields.`);
    if (first.value || findAnnotation(first.type, 'nullable')) return valid;
    const useful = "The union's first member should have a useful default value.";
    if (first.type.array) {
      const hint = 'Arrays can be initialized with values(e.g. ... = { values... };) or marked as @nullable.';
      return this.#error(first, `${useful} ${hint}`);
    }
    if (first.type.definition?.kind === 'enum') {
      const hint = 'Enum types can be initialized with a reference. (e.g. ... = MyEnum.FOO;)';
      return this.#error(first, `${useful} ${hint}`);
    }
    return valid;
  }

  /** Finds an enum's backing type, before anything needs the enum's values. */
  backing(type: DefinedType): boolean {
    const annotation = findAnnotation(type, 'Backing');
    type.backing = typeSpecifier(annotation?.location ?? type.location, 'byte');
    if (annotation) {
      if (!this.#annotation(annotation)) return false;
      type.backing.name = annotation.parameters.get('type')!.text.slice(1, -1);
    }
    type.backing.resolved = true;
    if (['byte', 'int', 'long'].includes(type.backing.name)) return true;
    const name = type.backing.name;
    return this.#error(type, `Invalid backing type: ${name}. Backing type must be one of: byte, int, long`);
  }

  #enum(type: DefinedType): boolean {
    // The second enum of one name is in no table, so nobody asked for its backing type.
    if (!type.backing) return this.#error(type, 'Enum declaration missing backing type.');
    for (const enumerator of type.enumerators) {
      if (!this.#evaluator.check(enumerator.value)) return false;
      if (this.#evaluator.valueString(enumerator.value, type.backing!) !== undefined) continue;
      return this.#error(enumerator, 'Enumerator type differs from enum backing type.');
    }
    return true;
  }

  // ---- Members ----------------------------------------------------------------------------------------

  #field(field: Field): boolean {
    let valid = this.#specifier(field.type);
    if (field.type.name === 'void') {
      const what = `Declaration ${field.name} is void, but declarations cannot be of void type.`;
      valid = this.#error(field, what);
    }
    if (!field.value) return valid;
    valid = this.#evaluator.check(field.value) && valid;
    return valid && this.#evaluator.valueString(field.value, field.type) !== undefined;
  }

  #constant(constant: ConstantDeclaration): boolean {
    const valid = this.#specifier(constant.type);
    if (!this.#evaluator.check(constant.value) || !valid) return false;
    if (this.#evaluator.valueString(constant.value, constant.type) === undefined) return false;
    const type = signature(constant.type);
    return CONSTANT_TYPES.has(type) || this.#error(constant, `Constant of type ${type} is not supported.`);
  }

  #interface(type: DefinedType): boolean {
    const known = new Map<string, Method>();
    for (const method of methodsOf(type)) {
      if (!this.#method(method)) return false;
      const previous = known.get(method.name);
      if (previous) {
        this.#error(method, `attempt to redefine method ${method.name}:`);
        return this.#error(previous, 'previously defined here.');
      }
      known.set(method.name, method);
      const called = methodSignature(method);
      if (RESERVED_METHODS.has(called)) {
        return this.#error(method, ` method ${called} is reserved for internal use.`);
      }
      if (hasPermission(type) && hasPermission(method.type)) {
        return this.#error(
          method,
          `The interface ${type.name} uses a permission annotation but the method ${method.name} ` +
            'is also annotated.\nConsider distributing the annotation to each method.',
        );
      }
    }
    return true;
  }

  #method(method: Method): boolean {
    if (!this.#specifier(method.type)) return false;
    if (method.type.name === 'ParcelableHolder') {
      return this.#error(method, 'ParcelableHolder cannot be a return type');
    }
    if (method.oneway && method.type.name !== 'void') {
      return this.#error(method, `oneway method '${method.name}' cannot return a value`);
    }
    const names = new Set<string>();
    for (const argument of method.arguments) {
      const { name } = argument;
      if (names.has(name)) {
        return this.#error(method, `method '${method.name}' has duplicate argument name '${name}'`);
      }
      names.add(name);
      if (!this.#argument(argument)) return false;
      if (method.oneway && argument.direction !== 'in') {
        return this.#error(method, `oneway method '${method.name}' cannot have out parameters`);
      }
      if (JAVA_KEYWORDS.has(name)) {
        return this.#error(argument, 'Argument name is a Java or aidl keyword');
      }
      if (name.startsWith('_aidl')) return this.#error(argument, "Argument name cannot begin with '_aidl'");
      if (argument.type.name === 'void') {
        return this.#error(argument.type, `'void' is an invalid type for the parameter '${name}'`);
      }
    }
    return true;
  }

  #argument(argument: Argument): boolean {
    if (!this.#specifier(argument.type)) return false;
    const { what, directions } = argumentAspect(argument.type);
    if (directions.length === 0) return this.#error(argument, `${what} cannot be an argument type`);
    if (!argument.directionWritten && directions.length > 1) {
      return this.#error(
        argument,
        `The direction of '${argument.name}' is not specified. ${what} can be an ${list(directions)} parameter.`,
      );
    }
    if (directions.includes(argument.direction)) return true;
    return this.#error(
      argument,
      `'${argument.name}' can't be an ${argument.direction} parameter because ${what} ` +
        `can only be an ${list(directions)} parameter.`,
    );
  }

  #specifier(type: TypeSpecifier): boolean {
    return checkType(type, this.#evaluator, this.#reporter, (at) => this.#annotations(at, at.location));
  }

  #canBeImmutable(type: TypeSpecifier): boolean {
    if (type.parameters) {
      if (type.name === 'List' || type.name === 'Map') {
        return type.parameters.every((parameter) => this.#canBeImmutable(parameter));
      }
      const what = 'For a generic type, an immutable parcelable can contain only List or Map.';
      return this.#error(type, what);
    }
    if (isPrimitive(type.name) || type.name === 'String') return true;
    const { definition } = type;
    if (!definition) {
      const what =
        'An immutable parcelable can contain only immutable Parcelable, primitive type, and String.';
      return this.#error(type, what);
    }
    return definition.kind === 'enum' || findAnnotation(definition, 'JavaOnlyImmutable') !== undefined;
  }

  // ---- Annotations ------------------------------------------------------------------------------------

  #annotations(node: { annotations: readonly Annotation[] }, location: DefinedType['location']): boolean {
    for (const annotation of node.annotations) if (!this.#annotation(annotation)) return false;
    const seen = new Map<string, Annotation>();
    for (const annotation of node.annotations) {
      const previous = seen.get(annotation.name);
      if (previous && !annotation.schema.repeatable) {
        const where = formatLocation(previous.location);
        const what = `'${annotation.name}' is repeated, but not allowed. Previous location: ${where}`;
        return this.#error({ location }, what);
      }
      if (!previous) seen.set(annotation.name, annotation);
    }
    return true;
  }

  #annotation(annotation: Annotation): boolean {
    const { schema, parameters, name } = annotation;
    for (const parameter of [...parameters.keys()].sort()) {
      const value = parameters.get(parameter)!;
      const type = Object.hasOwn(schema.parameters, parameter) ? schema.parameters[parameter] : undefined;
      if (type === undefined) {
        const known = Object.keys(schema.parameters)
          .map((key) => ` ${key}`)
          .join('');
        return this.#error(
          annotation,
          `Parameter ${parameter} not supported for annotation ${name}. It must be one of:${known}`,
        );
      }
      const reference = findReference(value);
      if (reference) {
        return this.#error(
          reference,
          `Value must be a constant expression but contains reference to ${reference.field}.`,
        );
      }
      const valid =
        this.#evaluator.check(value) &&
        this.#evaluator.valueString(value, parameterType(type, value)) !== undefined &&
        // A number would do, but aidl aborts on it.
        !(parameter === 'heap' && value.finalKind !== 'boolean');
      if (!valid) {
        return this.#error(annotation, `Invalid value for parameter ${parameter} on annotation ${name}.`);
      }
    }
    if (schema.required !== undefined && !parameters.has(schema.required)) {
      return this.#error(annotation, `Missing '${schema.required}' on @${name}.`);
    }
    if (name === 'EnforcePermission' && parameters.size === 0) {
      const what = 'Unable to parse @EnforcePermission annotation: No parameter for @EnforcePermission';
      return this.#error(annotation, what);
    }
    return true;
  }

  /** Whether each annotation stands where it may. */
  contexts(document: Document): boolean {
    let valid = true;
    const check = (annotations: readonly Annotation[], context: number): void => {
      for (const annotation of annotations) {
        if ((annotation.schema.contexts & context) !== 0) continue;
        const places = Object.entries(CONTEXTS).filter(([, bit]) => (annotation.schema.contexts & bit) !== 0);
        const names = places.map(([place]) => place).join(', ');
        valid = this.#error(
          annotation,
          `@${annotation.name} is not available. It can only annotate: ${names}.`,
        );
      }
    };
    const parameters = (type: TypeSpecifier): void => {
      for (const parameter of type.parameters ?? []) {
        check(parameter.annotations, CONTEXTS.type);
        parameters(parameter);
      }
    };
    const visit = (type: DefinedType): void => {
      check(type.annotations, CONTEXTS[contextOf(type)]);
      for (const member of type.members) {
        if (isDefinedType(member)) {
          visit(member);
          continue;
        }
        check(member.type.annotations, CONTEXTS.type | CONTEXTS[member.kind]);
        if (member.kind === 'method') {
          for (const { type: argument } of member.arguments) check(argument.annotations, CONTEXTS.type);
        }
        parameters(member.type);
      }
    };
    document.types.forEach(visit);
    return valid;
  }

  #error({ location }: { readonly location: DefinedType['location'] }, text: string): false {
    this.#reporter.error(location, text);
    return false;
  }
}

function contextOf({ kind }: DefinedType): keyof typeof CONTEXTS {
  if (kind === 'parcelable') return 'parcelable definition';
  return kind === 'unstructured' ? 'parcelable declaration' : kind;
}

function parameterType(type: ParameterType, { location }: Constant): TypeSpecifier {
  const specifier = typeSpecifier(location, type.replace('[]', ''));
  if (type.endsWith('[]')) specifier.array = { dimensions: 'dynamic' };
  return specifier;
}

function derives(type: DefinedType): string[] {
  const parameters = findAnnotation(type, 'RustDerive')?.parameters ?? new Map<string, Constant>();
  return [...parameters]
    .filter(([, { integer }]) => integer !== 0n)
    .map(([name]) => name)
    .sort();
}

/** What has the same size in every version: primitives, enums, @FixedSize types, and fixed arrays of these. */
export function canBeFixedSize(type: TypeSpecifier): boolean {
  if (type.parameters || findAnnotation(type, 'nullable')) return false;
  if (type.array && !isFixedArray(type)) return false;
  if (isPrimitive(type.name)) return true;
  const { definition } = type;
  if (!definition) return false;
  return definition.kind === 'enum' || findAnnotation(definition, 'FixedSize') !== undefined;
}

type Direction = Argument['direction'];

/** What messages call a type of argument, and the directions it can take. */
function argumentAspect(type: TypeSpecifier): { what: string; directions: Direction[] } {
  const { name, definition } = type;
  if (type.array) return { what: 'array', directions: ['in', 'out', 'inout'] };
  if (!definition) {
    if (name === 'List' || name === 'Map') return { what: name, directions: ['in', 'out', 'inout'] };
    if (name === 'ParcelFileDescriptor') return { what: name, directions: ['in', 'inout'] };
    return { what: name, directions: name === 'ParcelableHolder' ? [] : ['in'] };
  }
  if (!isParcelable(definition)) return { what: definition.kind, directions: ['in'] };
  if (findAnnotation(definition, 'JavaOnlyImmutable'))
    return { what: '@JavaOnlyImmutable', directions: ['in'] };
  return { what: 'parcelable/union', directions: ['in', 'out', 'inout'] };
}

function list(directions: readonly string[]): string {
  if (directions.length <= 2) return directions.join(' or ');
  return `${directions.slice(0, -1).join(', ')}, or ${directions.at(-1)}`;
}
