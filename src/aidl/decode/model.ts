import { canonicalName, type DefinedType, findAnnotation, withNested } from '../ast.ts';
import { type CompileOptions, compile } from '../compile.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { cleanPath } from '../source.ts';

/** The types of AIDL files, by name: what is needed to tell what recorded bytes mean. */
export class AidlModel {
  readonly #options: CompileOptions;
  readonly #files = new Set<string>();
  readonly #types = new Map<string, DefinedType>();
  readonly #interfaces = new Map<string, DefinedType>();

  /** @param options - how files are found and read */
  constructor(options: CompileOptions) {
    this.#options = options;
  }

  /** Adds the types of a file and those it imports. @returns what the compiler has to say of them */
  add(path: string): readonly Diagnostic[] {
    const file = cleanPath(path);
    if (this.#files.has(file)) return [];
    this.#files.add(file);
    const { document, diagnostics, imported } = compile(file, this.#options);
    for (const type of withNested(document?.types ?? [])) {
      this.#types.set(canonicalName(type), type);
      if (type.kind === 'interface') this.#interfaces.set(interfaceDescriptor(type), type);
    }
    return [...diagnostics, ...imported.flatMap((other) => this.add(other))];
  }

  /** A type by its qualified name. */
  type(name: string): DefinedType | undefined {
    return this.#types.get(name);
  }

  /** An interface by its descriptor. */
  interface(descriptor: string): DefinedType | undefined {
    return this.#interfaces.get(descriptor);
  }

  /** The descriptors of the interfaces, sorted. */
  get descriptors(): string[] {
    return [...this.#interfaces.keys()].sort();
  }
}

/** The descriptor of an interface: its qualified name, or what `@Descriptor` says. */
export function interfaceDescriptor(type: DefinedType): string {
  const given = findAnnotation(type, 'Descriptor')?.parameters.get('value')?.text;
  return given === undefined ? canonicalName(type) : given.slice(1, -1);
}
