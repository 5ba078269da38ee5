import { canonicalName, type DefinedType, type Document, nestedTypesOf, type TypeSpecifier } from './ast.ts';
import type { Reporter } from './diagnostics.ts';
import { formatLocation } from './source.ts';

const PRIMITIVES = new Set(['void', 'boolean', 'byte', 'char', 'int', 'long', 'float', 'double']);
const BUILT_INS = new Set([
  ...PRIMITIVES,
  ...['String', 'List', 'Map', 'IBinder', 'FileDescriptor', 'CharSequence'],
  ...['ParcelFileDescriptor', 'ParcelableHolder'],
]);
/** Names from the time when Java was the only language. */
const ALIASES = new Map([
  ['java.util.List', 'List'],
  ['java.util.Map', 'Map'],
  ['android.os.ParcelFileDescriptor', 'ParcelFileDescriptor'],
]);
const RESERVED = new Set(
  (
    'break case catch char class continue default do double else enum false float for goto if int long new ' +
    'private protected public return short static switch this throw true try void volatile while'
  ).split(' '),
);
const NEEDS_NO_IMPORT = new Set([
  ...['android.os.IInterface', 'android.os.IBinder', 'android.os.Parcelable', 'android.os.Parcel'],
  ...['android.content.Context', 'java.lang.String', 'java.lang.CharSequence'],
]);

export const isPrimitive = (name: string): boolean => PRIMITIVES.has(name);
export const isBuiltIn = (name: string): boolean => BUILT_INS.has(name) || ALIASES.has(name);

/** Every type known, by its fully qualified name. */
export class TypeTable {
  readonly documents: Document[] = [];
  readonly #types = new Map<string, DefinedType>();

  get(name: string): DefinedType | undefined {
    return this.#types.get(name);
  }

  /** In the order of their names, as aidl goes through them. */
  all(): DefinedType[] {
    return [...this.#types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, type]) => type);
  }

  needsNoImport(name: string): boolean {
    return isBuiltIn(name) || NEEDS_NO_IMPORT.has(name) || this.#types.has(name);
  }

  add(document: Document, reporter: Reporter): boolean {
    const found: DefinedType[] = [];
    const pending = [...document.types].reverse();
    for (let type = pending.pop(); type; type = pending.pop()) {
      if (document.preprocessed && isBuiltIn(type.name)) continue;
      const name = canonicalName(type);
      const previous = this.#types.get(name);
      if (previous) {
        if (document.preprocessed) continue;
        if (!documentOf(previous)?.preprocessed) {
          const where = formatLocation(previous.location);
          reporter.error(type.location, `redefinition: ${name} is defined ${where}`);
          return false;
        }
      }
      if (!checkNameParts(type, name, reporter)) return false;
      found.push(type);
      pending.push(...nestedTypesOf(type).reverse());
    }
    for (const type of found) {
      const name = canonicalName(type);
      if (!this.#types.has(name)) this.#types.set(name, type);
      const unqualified = document.preprocessed && type.kind === 'unstructured';
      if (unqualified && !this.#types.has(type.name)) this.#types.set(type.name, type);
    }
    this.documents.push(document);
    return true;
  }

  /** Whether the name, already qualified by its scope, means a type; the specifier then knows it. */
  resolve(type: TypeSpecifier, name: string): boolean {
    const definition = this.#types.get(name);
    if (!isBuiltIn(name) && !definition) return false;
    type.resolved = true;
    type.name = definition ? canonicalName(definition) : (ALIASES.get(name) ?? name);
    type.definition = definition;
    return true;
  }
}

export function documentOf(type: DefinedType): Document | undefined {
  let root = type;
  while (root.parent) root = root.parent;
  return root.document;
}

/** What a name written inside a type means: a nested type, an import, a type of the file, or itself. */
export function qualify(scope: DefinedType, name: string): string {
  if (isBuiltIn(name)) return name;
  const dot = name.indexOf('.');
  const first = dot < 0 ? name : name.slice(0, dot);
  const rest = dot < 0 ? '' : name.slice(dot);
  for (let at: DefinedType | undefined = scope; at; at = at.parent) {
    const nested = nestedTypesOf(at).find((type) => type.name === first);
    if (nested) return canonicalName(nested) + rest;
  }
  const document = documentOf(scope);
  const imported = document?.imports.find(
    (entry) => entry.name.slice(entry.name.lastIndexOf('.') + 1) === first,
  );
  if (imported) return imported.name + rest;
  const beside = document?.types.find((type) => type.name === first);
  return beside ? canonicalName(beside) + rest : name;
}

function checkNameParts(type: DefinedType, name: string, reporter: Reporter): boolean {
  let valid = true;
  for (const part of name.split('.')) {
    for (const [known, what] of [
      [RESERVED, 'a Java or C++ identifier'],
      [BUILT_INS, 'a built-in AIDL type'],
    ] as const) {
      if (!known.has(part)) continue;
      reporter.error(type.location, `${name} is an invalid name because '${part}' is ${what}.`);
      valid = false;
    }
  }
  return valid;
}
