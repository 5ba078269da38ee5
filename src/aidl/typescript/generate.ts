import { type DefinedType, type Document, isDefinedType, type TypeSpecifier, withNested } from '../ast.ts';
import type { Compilation } from '../compile.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { type ModuleOptions, moduleOf } from './module-scope.ts';
import { writeModule } from './module-writer.ts';
import { memberNames, type NamePair, typeName } from './names.ts';
import { unsupported } from './type-text.ts';

/** A module to be written. */
export interface TypeScriptModule {
  /** Below the directory of output: `com/example/IChat.ts`. */
  readonly path: string;
  /** Like all text of the compiler, bytes as one character each (Latin-1): comments are carried over as they are. */
  readonly text: string;
}

/** What came of {@link generateTypeScript}. */
export interface TypeScriptOutput {
  readonly modules: readonly TypeScriptModule[];
  /** Names that TypeScript cannot have, which were changed (warnings); types that only Java has (errors: no modules). */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Writes the types of a compiled document as TypeScript: a module for each, which imports `ubinder/runtime` and the
 * modules of the types that it mentions. A parcelable that is only declared (`parcelable P;`) gets none: its module is
 * written by hand, with `defineCustomParcelable`, where the others expect it.
 *
 * @param compilation - that the document is from
 */
export function generateTypeScript(
  document: Document,
  compilation: Pick<Compilation, 'types' | 'version' | 'hash'>,
  options: ModuleOptions = {},
): TypeScriptOutput {
  const types = document.types.filter(({ kind }) => kind !== 'unstructured');
  const diagnostics = types.flatMap((type) => [...javaOnly(type), ...changedNames(type)]);
  if (diagnostics.some(({ severity }) => severity === 'error')) return { modules: [], diagnostics };
  const modules = types.map((type) => ({
    path: `${moduleOf(type)}.ts`,
    text: writeModule(type, compilation, options),
  }));
  return { modules, diagnostics };
}

function changedNames(type: DefinedType): Diagnostic[] {
  const itself = type.parent ? [] : [{ node: type, from: type.name, to: typeName(type) }];
  return withNested([type])
    .flatMap(memberNames)
    .concat([itself])
    .flatMap((names) => names.flatMap((pair, i) => changedName(pair, names.slice(0, i))));
}

function changedName({ node: { location }, from, to }: NamePair, before: readonly NamePair[]): Diagnostic[] {
  const same = before.find((other) => other.to === to);
  if (same) {
    const text = `'${from}' and '${same.from}' would both be called '${to}' in TypeScript.`;
    return [{ severity: 'error', location, text }];
  }
  if (from === to) return [];
  const text = `'${from}' has a meaning of its own in TypeScript. It is called '${to}' there.`;
  return [{ severity: 'warning', location, text }];
}

function javaOnly(type: DefinedType): Diagnostic[] {
  const check = (at: TypeSpecifier): Diagnostic[] => {
    const reason = unsupported(at);
    if (reason === undefined) return [];
    return [
      { severity: 'error', location: at.location, text: `TypeScript cannot have this type: ${reason}.` },
    ];
  };
  return type.members.flatMap((member) => {
    if (isDefinedType(member)) return javaOnly(member);
    const mentioned = member.kind === 'method' ? member.arguments.map((argument) => argument.type) : [];
    return [member.type, ...mentioned].flatMap(check);
  });
}
