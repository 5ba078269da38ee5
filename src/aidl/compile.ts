import type { DefinedType, Document, TypeSpecifier } from './ast.ts';
import { Checker } from './check.ts';
import { type Diagnostic, Reporter, type Severity, type WarningName } from './diagnostics.ts';
import { assignMethodIds } from './method-ids.ts';
import { parseDocument } from './parser.ts';
import { resolveDocument } from './resolve.ts';
import { cleanPath } from './source.ts';
import { checkStability, checkUse, type StabilityOptions } from './stability.ts';
import { qualify, TypeTable } from './type-table.ts';
import { reportWarnings } from './warnings.ts';

/** What {@link compile} reads from, and how strict it is. */
export interface CompileOptions extends StabilityOptions {
  /** The bytes of a file as one character each (Latin-1); undefined where there is none. */
  readonly read: (path: string) => string | undefined;
  /** A path as realpath(3) gives it: a file of package p may be named without `p/` from within p. */
  readonly absolutePath?: (path: string) => string;
  /** Directories to find imports in; `''` is the current one. */
  readonly includes?: readonly string[];
  /**
   * Refuse a file whose package does not begin in one of `includes`, as aidl does where it finds the names of
   * its outputs by itself.
   */
  readonly mustBeIncluded?: boolean;
  /** Files that --preprocess made. */
  readonly preprocessed?: readonly string[];
  /** How to treat each warning; those absent keep aidl's default. */
  readonly warnings?: Readonly<Partial<Record<WarningName, Severity>>>;
  /** Of the interface, 1 or more: getInterfaceVersion returns it. */
  readonly version?: number;
  /** Of the frozen API, or `notfrozen`: getInterfaceHash returns it. */
  readonly hash?: string;
}

/** What came of {@link compile}. */
export interface Compilation {
  readonly diagnostics: readonly Diagnostic[];
  /** Undefined where there are errors. */
  readonly document: Document | undefined;
  /** Every type the document refers to. */
  readonly types: TypeTable;
  /** The files that were read for its imports, for dependency files. */
  readonly imported: readonly string[];
  /** As the options gave them. */
  readonly version: number | undefined;
  readonly hash: string | undefined;
}

/** Reads, resolves and checks one AIDL file and what it imports. Never throws for what a file contains. */
export function compile(file: string, options: CompileOptions): Compilation {
  const loader = new Loader(options);
  const document = loader.load(file);
  const { reporter, types, imported } = loader;
  const { version, hash } = options;
  return { diagnostics: reporter.diagnostics, document, types, imported, version, hash };
}

/**
 * Reads files as parts of one API, as aidl reads a dump; the first with errors is the last that is read.
 * Undefined where there are errors, which the reporter has.
 */
export function compileTogether(
  files: readonly string[],
  options: CompileOptions,
  reporter: Reporter,
): TypeTable | undefined {
  const loader = new Loader(options, reporter);
  for (const file of files) {
    if (loader.load(file)) continue;
    reporter.error(file, 'Failed to read.');
    return undefined;
  }
  return loader.types;
}

class Loader {
  readonly reporter: Reporter;
  readonly types = new TypeTable();
  readonly imported: string[] = [];
  readonly #documents = new Map<string, Document>();
  readonly #options: CompileOptions;
  readonly #includes: readonly string[];

  constructor(options: CompileOptions, reporter = new Reporter()) {
    this.#options = options;
    this.reporter = reporter;
    const includes = (options.includes ?? []).map((path) => (path === '' ? '.' : path));
    const directories = includes.map((path) => (path.endsWith('/') ? path : `${path}/`));
    this.#includes = [...new Set(directories)].sort();
  }

  #parse(path: string, preprocessed = false): Document | undefined {
    const clean = cleanPath(path);
    const known = this.#documents.get(clean);
    if (known) return known;
    const text = this.#options.read(clean);
    if (text === undefined) {
      this.reporter.error(clean, 'Error while opening file for parsing');
      return undefined;
    }
    const document = parseDocument(clean, text, this.reporter, preprocessed);
    if (!document || !this.types.add(document, this.reporter)) return undefined;
    this.#documents.set(clean, document);
    return document;
  }

  load(file: string): Document | undefined {
    try {
      const document = this.#load(file);
      return this.reporter.hasErrors ? undefined : document;
    } catch (error) {
      // Depth is limited while parsing; what is left is a chain of references or imports without end in sight.
      if (!(error instanceof RangeError)) throw error;
      const text = 'References nest too deeply to follow; shorten the chain of constants or types';
      this.reporter.error(file, text);
      return undefined;
    }
  }

  #load(file: string): Document | undefined {
    const document = this.#parse(file);
    if (!document) return undefined;
    const structured = document.types.filter(({ kind }) => kind !== 'unstructured');
    if (structured.length > 1) {
      this.reporter.error(structured[1]!.location, 'You must declare only one type per file.');
      return undefined;
    }
    for (const path of this.#options.preprocessed ?? []) if (!this.#parse(path, true)) return undefined;
    let valid = true;
    for (const { name } of document.imports) valid = this.#import(file, name) && valid;
    if (!valid) return undefined;
    if (!resolveDocument(document, (scope, type) => this.#find(file, scope, type), this.reporter))
      return undefined;
    return this.#check(file, document) ? document : undefined;
  }

  #import(file: string, name: string): boolean {
    if (this.types.needsNoImport(name)) return true;
    const path = this.#importPath(file, name);
    if (path === undefined) return false;
    this.imported.push(path);
    if (this.#parse(path)) return true;
    this.reporter.error(path, `error while importing ${path} for ${name}`);
    return false;
  }

  /** The file of a type: that of its outermost type, for one that is nested. */
  #importPath(file: string, name: string): string | undefined {
    const parts = name.split('.');
    for (let length = parts.length; length > 0; length--) {
      const relative = `${parts.slice(0, length).join('/')}.aidl`;
      const found = this.#includes
        .map((include) => include + relative)
        .filter((path) => this.#options.read(cleanPath(path)) !== undefined);
      if (found.length === 1) return found[0];
      if (found.length > 1) {
        this.reporter.error(file, `Duplicate files found for ${name} from:\n${found.join('\n')}`);
        return undefined;
      }
    }
    const searched = this.#includes.join('\n - ');
    this.reporter.error(file, `Couldn't find import for class ${name}. Searched here:\n - ${searched}`);
    return undefined;
  }

  #find(file: string, scope: DefinedType, type: TypeSpecifier): boolean {
    const name = qualify(scope, type.unresolvedName);
    if (this.types.resolve(type, name)) return true;
    const path = this.#importPath(file, name);
    if (path === undefined) return false;
    this.imported.push(path);
    if (!this.#parse(path)) {
      this.reporter.error(path, `error while importing ${path} for ${path}`);
      return false;
    }
    if (this.types.resolve(type, qualify(scope, type.unresolvedName))) return true;
    this.reporter.error(type.location, `Can't resolve ${type.unresolvedName}`);
    return false;
  }

  #check(file: string, document: Document): boolean {
    const checker = new Checker(this.reporter);
    const all = this.types.all();
    if (!all.filter(({ kind }) => kind === 'enum').every((type) => checker.backing(type))) return false;
    for (const type of document.types) {
      if (document.types.length === 1 && !this.#checkFileName(file, type)) return false;
      if (!checker.type(type) || !checkStability(type, this.#options, this.reporter)) return false;
    }
    if (!all.filter(({ kind }) => kind === 'interface').every((type) => assignMethodIds(type, this.reporter)))
      return false;
    if (!checker.contexts(document)) return false;
    if (!reportWarnings(document, this.#options.warnings ?? {}, this.reporter)) return false;
    for (const type of all) checkUse(type, this.#options, this.reporter);
    return !this.reporter.hasErrors;
  }

  #checkFileName(file: string, type: DefinedType): boolean {
    // A declaration may name a nested class: it belongs into the file of the outer one.
    const outer = type.name.split('.')[0]!;
    const expected = `${type.package === '' ? '' : `${type.package.replaceAll('.', '/')}/`}${outer}.aidl`;
    const path = this.#options.absolutePath?.(file) ?? `/${file}`;
    if (!path.endsWith(expected)) {
      this.reporter.error(type.location, `${type.name} should be declared in a file called ${expected}`);
      return false;
    }
    if (!this.#options.mustBeIncluded) return true;
    const base = file.slice(0, -expected.length) || './';
    if (this.#includes.includes(base)) return true;
    const includes = this.#includes.join('\n - ');
    this.reporter.error(
      type.location,
      `directory ${base} is not found in any of the import paths:\n - ${includes}`,
    );
    return false;
  }
}
