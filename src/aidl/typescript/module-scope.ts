import { canonicalName, type DefinedType, nestedTypesOf } from '../ast.ts';
import { localName, typeName, typePath } from './names.ts';

/** What a module can be asked to be like. */
export interface ModuleOptions {
  /** How modules name each other; default `.js`, which every tool takes. */
  readonly importExtension?: '.js' | '.ts';
  /** Where the runtime is; default `ubinder/runtime`. */
  readonly runtime?: string;
}

/** The names of one module: its own, those it imports, and what the language itself calls so. */
export class ModuleScope {
  readonly #root: DefinedType;
  readonly #extension: string;
  readonly #runtime: string;
  /** What the module declares, at its top or within: nothing else may be called so. */
  readonly #declared: Set<string>;
  /** The names of imported modules' types, by where they come from. */
  readonly #imports = new Map<string, { readonly exported: string; readonly local: string }>();

  /** @param draft - of the same module: what was imported there is known from the start */
  constructor(root: DefinedType, options: ModuleOptions, draft?: ModuleScope) {
    this.#root = root;
    this.#extension = options.importExtension ?? '.js';
    this.#runtime = options.runtime ?? 'ubinder/runtime';
    this.#declared = new Set(['Handlers', 'Init', 'Type', ...namesWithin(root)]);
    this.runtime = localName('ub', this.#declared);
    this.#declared.add(this.runtime);
    if (!draft) return;
    for (const [module, { exported }] of draft.#imports) this.#import(module, exported);
  }

  /** The runtime's namespace. */
  readonly runtime: string;

  /** A new name at the module's top. */
  declare(name: string): string {
    const free = localName(name, this.#declared);
    this.#declared.add(free);
    return free;
  }

  /** Something of the language's own: `Promise`, `Uint8Array`. */
  global(name: string): string {
    return this.#declared.has(name) ? `globalThis.${name}` : name;
  }

  /** Something of the runtime's: `ub.Ref`. */
  ub(name: string): string {
    return `${this.runtime}.${name}`;
  }

  /** A type as this module refers to it, which imports it if it must. */
  type(type: DefinedType): string {
    const [outermost, ...inner] = typePath(type) as [string, ...string[]];
    const module = moduleOf(type);
    if (module === moduleOf(this.#root)) return [outermost, ...inner].join('.');
    return [this.#import(module, outermost), ...inner].join('.');
  }

  #import(module: string, exported: string): string {
    let imported = this.#imports.get(module);
    if (!imported) {
      imported = { exported, local: this.declare(exported) };
      this.#imports.set(module, imported);
    }
    return imported.local;
  }

  /** The import statements that what was asked for needs. */
  imports(): string[] {
    const lines = [`import * as ${this.runtime} from '${this.#runtime}';`];
    for (const [module, { exported, local }] of [...this.#imports].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const name = exported === local ? exported : `${exported} as ${local}`;
      lines.push(...allowShadowing(local));
      lines.push(`import { ${name} } from '${relative(moduleOf(this.#root), module)}${this.#extension}';`);
    }
    return lines;
  }
}

/** `com/example/IChat`: where the module of a type is, below the directory of output. */
export function moduleOf(type: DefinedType): string {
  let root = type;
  while (root.parent) root = root.parent;
  const name = canonicalName(root);
  const outermost = root.name.split('.')[0] as string;
  return `${name.slice(0, name.length - root.name.length)}`.replaceAll('.', '/') + outermost;
}

function relative(from: string, to: string): string {
  const base = from.split('/').slice(0, -1);
  const target = to.split('/');
  let common = 0;
  while (common < base.length && base[common] === target[common]) common++;
  const up = base.length - common;
  return (up === 0 ? './' : '../'.repeat(up)) + target.slice(common).join('/');
}

function namesWithin(type: DefinedType): string[] {
  return [typeName(type).split('.')[0] as string, ...nestedTypesOf(type).flatMap(namesWithin)];
}

const GLOBALS = new Set(
  (
    'AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView ' +
    'Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function ' +
    'Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ' +
    'ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError ' +
    'URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet'
  ).split(' '),
);

/** The remark that a linter wants where AIDL calls a type as the language calls something of its own. */
export function allowShadowing(name: string): string[] {
  return GLOBALS.has(name)
    ? [`// biome-ignore lint/suspicious/noShadowRestrictedNames: AIDL calls it ${name}`]
    : [];
}
