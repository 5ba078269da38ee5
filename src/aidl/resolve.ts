import {
  type Annotation,
  type Constant,
  constantsOf,
  type DefinedType,
  type Document,
  isDefinedType,
  isParcelable,
  type TypeSpecifier,
} from './ast.ts';
import { checkContainment, isHeapNullable } from './containment.ts';
import type { Reporter } from './diagnostics.ts';

/** Finds the type that a specifier written in `scope` means, loading files if it must. */
export type TypeFinder = (scope: DefinedType, type: TypeSpecifier) => boolean;

/** Resolves each type and constant a document mentions. False, with errors reported, where one is unknown. */
export function resolveDocument(document: Document, find: TypeFinder, reporter: Reporter): boolean {
  const resolver = new Resolver(find, reporter);
  for (const type of document.types) resolver.type(type);
  // References mean something only where each type is known.
  if (resolver.success) resolver.references();
  return resolver.success && document.types.every((type) => checkContainment(type, reporter));
}

class Resolver {
  readonly #find: TypeFinder;
  readonly #reporter: Reporter;
  readonly #visited = new Set<DefinedType>();
  readonly #constants: { readonly constant: Constant; readonly scope: DefinedType }[] = [];
  readonly #references: Constant[] = [];
  readonly #done = new Set<Constant>();
  success = true;

  constructor(find: TypeFinder, reporter: Reporter) {
    this.#find = find;
    this.#reporter = reporter;
  }

  type(type: DefinedType): void {
    if (this.#visited.has(type)) return;
    this.#visited.add(type);
    this.#annotations(type.annotations, type);
    for (const member of type.members) {
      if (isDefinedType(member)) {
        this.type(member);
        continue;
      }
      this.#specifier(member.type, type);
      if (member.kind === 'method') {
        for (const argument of member.arguments) this.#specifier(argument.type, type);
      } else if (member.value) {
        this.#constant(member.value, type);
      }
    }
    for (const { value } of type.enumerators) this.#constant(value, type);
  }

  #annotations(annotations: readonly Annotation[], scope: DefinedType): void {
    for (const { parameters } of annotations) {
      for (const name of [...parameters.keys()].sort()) this.#constant(parameters.get(name)!, scope);
    }
  }

  #specifier(type: TypeSpecifier, scope: DefinedType): void {
    if (!type.resolved) {
      if (!this.#find(scope, type)) {
        this.#reporter.error(type.location, `Failed to resolve '${type.unresolvedName}'`);
        this.success = false;
      }
      const { definition } = type;
      const contained = isParcelable(scope) && isParcelable(definition);
      if (definition && contained && !type.array && !isHeapNullable(type, this.#reporter))
        this.type(definition);
    }
    this.#annotations(type.annotations, scope);
    for (const parameter of type.parameters ?? []) this.#specifier(parameter, scope);
    const dimensions = type.array?.dimensions ?? [];
    if (dimensions !== 'dynamic') for (const size of dimensions) this.#constant(size, scope);
  }

  /** The second pass: finds the constants which those met in the first refer to. */
  references(): void {
    for (const { constant, scope } of this.#constants) this.#reference(constant, scope);
  }

  #constant(constant: Constant, scope: DefinedType): void {
    this.#constants.push({ constant, scope });
    this.#scopes(constant, scope);
  }

  #scopes(constant: Constant, scope: DefinedType): void {
    for (const part of constant.parts) this.#scopes(part, scope);
    if (constant.scope && !constant.scope.resolved) this.#specifier(constant.scope, scope);
  }

  #reference(constant: Constant, scope: DefinedType): void {
    for (const part of constant.parts) this.#reference(part, scope);
    if (constant.kind !== 'reference' || this.#done.has(constant)) return;
    const loop = this.#references.indexOf(constant);
    if (loop >= 0) {
      const path = [...this.#references.slice(loop), constant].map(({ literal }) => literal).join(' -> ');
      this.#reporter.error(constant.location, `Found a circular reference: ${path}`);
      this.success = false;
      return;
    }
    if (constant.scope && !constant.scope.resolved) this.#specifier(constant.scope, scope);
    const owner = constant.scope ? constant.scope.definition : scope;
    const target = owner && this.#target(constant, owner);
    if (!target) {
      const { location, literal } = constant;
      const known = owner || constant.scope?.resolved;
      // Of a built-in type, which has no members.
      if (!owner && known) this.#reporter.error(location, `Can't resolve the reference (${literal})`);
      if (known) this.#reporter.error(location, `Unknown reference '${literal}'`);
      this.success = false;
      return;
    }
    constant.target = target;
    if (!this.success) return;
    this.#references.push(constant);
    this.#reference(target, owner);
    this.#references.pop();
    this.#done.add(constant);
  }

  #target(constant: Constant, owner: DefinedType): Constant | undefined {
    const named = owner.kind === 'enum' ? owner.enumerators : constantsOf(owner);
    const found = named.find(({ name }) => name === constant.field);
    if (!found) this.#reporter.error(constant.location, `Can't find ${constant.field} in ${owner.name}`);
    return found?.value;
  }
}
