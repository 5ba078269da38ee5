import {
  type Annotation,
  canonicalName,
  constantsOf,
  type DefinedType,
  type Field,
  fieldsOf,
  findAnnotation,
  methodSignature,
  methodsOf,
  signature,
  type TypeSpecifier,
  withNested,
} from './ast.ts';
import { type CompileOptions, compileTogether } from './compile.ts';
import { type Diagnostic, Reporter } from './diagnostics.ts';
import { annotationText, comparableDump, valueText } from './dump-api.ts';
import { inequality } from './line-diff.ts';
import type { Location } from './source.ts';

/** `compatible`: old clients and services go on working; `equal`: nothing has changed. */
export type ApiLevel = 'compatible' | 'equal';

/** An API as --dumpapi wrote it. */
export interface ApiDump {
  /** Where the files are, as messages name it. */
  readonly directory: string;
  /** Paths of its AIDL files, beginning with the directory. */
  readonly files: readonly string[];
}

/**
 * Compares two dumps of an API as `--checkapi` does. No error means that `newer` may take the place of `older`.
 * Both are read as structured interfaces.
 */
export function checkApi(
  older: ApiDump,
  newer: ApiDump,
  level: ApiLevel,
  options: CompileOptions,
): readonly Diagnostic[] {
  const reporter = new Reporter();
  const load = ({ directory, files }: ApiDump): DefinedType[] | undefined => {
    const includes = [...(options.includes ?? []), directory];
    const own = { ...options, includes, structured: true, mustBeIncluded: true };
    const types = compileTogether(files, own, reporter);
    const inside = types?.documents.filter(({ file }) => file.startsWith(directory.replace(/^(\.\/+)+/, '')));
    const found = inside && withNested(inside.flatMap((document) => document.types));
    return found?.filter((type) => !type.implicit);
  };
  const before = load(older);
  const after = before && load(newer);
  if (before && after) new ApiComparison(reporter).compare(before, after, level);
  return reporter.diagnostics;
}

/** Annotations that may come and go: what travels is the same with and without them. */
const HARMLESS = new Set([
  ...['nullable', 'JavaDerive', 'JavaDefault', 'JavaDelegator', 'JavaOnlyImmutable'],
  ...['JavaPassthrough', 'JavaSuppressLint', 'RustDerive', 'SuppressWarnings'],
]);

const byName = <T extends { readonly name: string }>(nodes: readonly T[]): Map<string, T> =>
  new Map(nodes.map((node) => [node.name, node]));

class ApiComparison {
  readonly #reporter: Reporter;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  compare(older: readonly DefinedType[], newer: readonly DefinedType[], level: ApiLevel): void {
    const before = new Map(older.map((type) => [canonicalName(type), type]));
    const after = new Map(newer.map((type) => [canonicalName(type), type]));
    for (const [name, type] of after) {
      if (level === 'equal' && !before.has(name)) this.#error(type, `Added type: ${name}`);
    }
    for (const [name, type] of before) {
      const now = after.get(name);
      if (!now) this.#error(type, `Removed type: ${name}`);
      else if (level === 'equal') this.#equal(type, now);
      else this.#type(type, now);
    }
  }

  #equal(older: DefinedType, newer: DefinedType): void {
    const [before, after] = [comparableDump(older), comparableDump(newer)];
    if (before === after) return;
    const left = { name: older.location.file, text: before };
    this.#error(newer, inequality(left, { name: newer.location.file, text: after }));
  }

  #type(older: DefinedType, newer: DefinedType): void {
    this.#annotations(older, newer);
    if (older.kind === 'unstructured') return;
    if (older.kind !== newer.kind) {
      const name = canonicalName(newer);
      const text =
        older.kind === 'parcelable'
          ? `Parcelable ${name} is not structured.`
          : `Type mismatch: ${name} is changed from ${older.kind} to ${KEYWORDS[newer.kind] ?? newer.kind}`;
      this.#error(newer, text);
      return;
    }
    if (older.kind === 'enum') this.#enumerators(older, newer);
    else if (older.kind === 'interface') {
      this.#methods(older, newer);
      this.#constants(older, newer);
    } else if (this.#fields(older, newer)) this.#constants(older, newer);
  }

  #annotations(
    older: { readonly annotations: readonly Annotation[] },
    newer: { readonly annotations: readonly Annotation[]; readonly location: Location },
  ): void {
    const strict = ({ annotations }: { readonly annotations: readonly Annotation[] }) =>
      annotationText(annotations.filter(({ name }) => !HARMLESS.has(name)));
    if (strict(older) === strict(newer)) return;
    const [from, to] = [older, newer].map(({ annotations }) => annotationText(annotations) || '(empty)');
    this.#error(newer, `Changed annotations: ${from} to ${to}`);
  }

  #specifiers(older: TypeSpecifier, newer: TypeSpecifier): void {
    const [before, after] = [signature(older), signature(newer)];
    if (before !== after) this.#error(newer, `Type changed: ${before} to ${after}.`);
    this.#annotations(older, newer);
  }

  #constants(older: DefinedType, newer: DefinedType): void {
    const now = byName(constantsOf(newer));
    for (const before of constantsOf(older)) {
      const name = `${canonicalName(older)}.${before.name}`;
      const after = now.get(before.name);
      if (!after) {
        this.#error(before, `Removed constant declaration: ${name}`);
        continue;
      }
      this.#specifiers(before.type, after.type);
      const [from, to] = [before, after].map(({ value, type }) => valueText(value, type));
      if (from !== to) this.#error(newer, `Changed constant value: ${name} from ${from} to ${to}.`);
    }
  }

  #enumerators(older: DefinedType, newer: DefinedType): void {
    const now = byName(newer.enumerators);
    for (const before of [...older.enumerators].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const after = now.get(before.name);
      if (!after) {
        this.#error(newer, `Removed enumerator from ${canonicalName(older)}: ${before.name}`);
        continue;
      }
      const [from, to] = [valueText(before.value, older.backing!), valueText(after.value, newer.backing!)];
      if (from === to) continue;
      const name = `${canonicalName(older)}::${before.name}`;
      this.#error(newer, `Changed enumerator value: ${name} from ${from} to ${to}.`);
    }
  }

  #methods(older: DefinedType, newer: DefinedType): void {
    const now = new Map(methodsOf(newer).map((method) => [methodSignature(method), method]));
    for (const before of methodsOf(older)) {
      const called = methodSignature(before);
      const name = `${canonicalName(older)}.${called}`;
      const after = now.get(called);
      if (!after) {
        this.#error(before, `Removed or changed method: ${name}`);
        continue;
      }
      if (before.oneway !== after.oneway) {
        this.#error(after, `Oneway attribute ${before.oneway ? 'removed' : 'added'}: ${name}`);
      }
      if (before.id !== after.id) {
        this.#error(after, `Transaction ID changed: ${name} is changed from ${before.id} to ${after.id}.`);
      }
      this.#specifiers(before.type, after.type);
      for (const [index, argument] of before.arguments.entries()) {
        const other = after.arguments[index]!;
        this.#specifiers(argument.type, other.type);
        if (argument.direction === other.direction) continue;
        this.#error(after, `Direction changed: ${argument.direction} to ${other.direction}.`);
      }
    }
  }

  /** False where the rest of the type need not be compared. */
  #fields(older: DefinedType, newer: DefinedType): boolean {
    const [before, after] = [fieldsOf(older), fieldsOf(newer)];
    const count = `Number of fields in ${canonicalName(older)} is`;
    if (before.length > after.length) {
      this.#error(newer, `${count} reduced from ${before.length} to ${after.length}.`);
      return false;
    }
    if (findAnnotation(newer, 'FixedSize') && before.length !== after.length) {
      const text = 'This is an incompatible change for FixedSize types.';
      this.#error(newer, `${count} changed from ${before.length} to ${after.length}. ${text}`);
      return false;
    }
    for (const [index, field] of before.entries()) this.#field(field, after[index]!);
    const positions = new Map(before.map(({ name }, index) => [name, index]));
    for (const [index, field] of after.entries()) {
      const position = positions.get(field.name) ?? index;
      if (position !== index) this.#error(field, `Reordered ${field.name} from ${position} to ${index}.`);
    }
    if (older.kind === 'parcelable') for (const field of after.slice(before.length)) this.#added(field);
    return true;
  }

  #field(older: Field, newer: Field): void {
    this.#specifiers(older.type, newer.type);
    const [from, to] = [older, newer].map(({ value, type }) => (value ? valueText(value, type) : ''));
    if (from === to) return;
    // An enum that is not written has the value 0; saying so is no change.
    const { definition } = newer.type;
    if (from === '' && definition?.kind === 'enum' && newer.value && !newer.type.array) {
      if (valueText(newer.value, definition.backing!) === '0') return;
    }
    this.#error(newer, `Changed default value: ${from} to ${to}.`);
  }

  /** A field that old senders leave out needs a value that every backend can make up. */
  #added(field: Field): void {
    if (field.value || findAnnotation(field.type, 'nullable')) return;
    const { definition } = field.type;
    if (definition?.kind !== 'enum') {
      this.#error(
        field,
        `Field '${field.name}' does not have a useful default in some backends. Please either provide a ` +
          'default value for this field or mark the field as @nullable. This value or a null value will be ' +
          'used automatically when an old version of this parcelable is sent to a process which understands ' +
          'a new version of this parcelable. In order to make sure your code continues to be backwards ' +
          'compatible, make sure the default or null value does not cause a semantic change to this ' +
          'parcelable.',
      );
      return;
    }
    if (definition.enumerators.some(({ value }) => valueText(value, definition.backing!) === '0')) return;
    this.#error(
      field,
      `Field '${field.name}' of enum '${definition.name}' can't be initialized as '0'. ` +
        `Please make sure '${definition.name}' has '0' as a valid value.`,
    );
  }

  #error({ location }: { readonly location: Location }, text: string): void {
    this.#reporter.error(location, text);
  }
}

const KEYWORDS: Partial<Record<DefinedType['kind'], string>> = {
  parcelable: 'structured_parcelable',
  unstructured: 'parcelable',
};
