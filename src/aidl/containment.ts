// Which types lie within which others.

import {
  canonicalName,
  type DefinedType,
  fieldsOf,
  findAnnotation,
  isDefinedType,
  isParcelable,
  nestedTypesOf,
  type TypeSpecifier,
} from './ast.ts';
import { findReference } from './constant.ts';
import type { Reporter } from './diagnostics.ts';
import { Evaluator } from './evaluate.ts';

/**
 * `@nullable(heap=true)`: held by pointer, so that a type may contain itself. A value that is no boolean passes:
 * the check of annotations has yet to refuse it, and recursion would be a second error for one mistake.
 */
export function isHeapNullable(type: TypeSpecifier, reporter: Reporter): boolean {
  const heap = findAnnotation(type, 'nullable')?.parameters.get('heap');
  if (!heap) return false;
  if (findReference(heap)) return true;
  new Evaluator(reporter).evaluate(heap);
  return heap.finalKind !== 'boolean' || heap.integer !== 0n;
}

/** A parcelable that contains itself by value would have no end. False, with an error reported, where one does. */
export function checkContainment(root: DefinedType, reporter: Reporter): boolean {
  const finished = new Set<DefinedType>();
  const path: DefinedType[] = [];
  const hasCycle = (type: DefinedType): boolean => {
    if (finished.has(type)) return false;
    if (path.includes(type)) {
      const names = [...path, type].map(({ name }) => name).join('->');
      reporter.error(type.location, `${type.name} is a recursive parcelable: ${names}`);
      return true;
    }
    path.push(type);
    for (const { type: field } of fieldsOf(type)) {
      if (field.array || isHeapNullable(field, reporter)) continue;
      const { definition } = field;
      if (definition && isParcelable(definition) && hasCycle(definition)) return true;
    }
    path.pop();
    finished.add(type);
    return false;
  };
  const visit = (type: DefinedType): boolean => {
    if (isParcelable(type) && hasCycle(type)) return false;
    return nestedTypesOf(type).every(visit);
  };
  return visit(root);
}

/** Whether types nested side by side refer to each other in a circle, which C++ cannot declare. */
export function hasCyclicNesting(nested: readonly DefinedType[]): boolean {
  const names = nested.map(canonicalName);
  const owner = (type: DefinedType | undefined): number => {
    if (!type) return -1;
    const name = canonicalName(type);
    return names.findIndex((candidate) => name === candidate || name.startsWith(`${candidate}.`));
  };
  const edges = nested.map((type, index) => {
    const found = new Set<number>();
    const specifier = (at: TypeSpecifier): void => {
      const other = owner(at.definition);
      if (other >= 0 && other !== index) found.add(other);
      for (const parameter of at.parameters ?? []) specifier(parameter);
    };
    const visit = (at: DefinedType): void => {
      for (const member of at.members) {
        if (isDefinedType(member)) visit(member);
        else {
          specifier(member.type);
          if (member.kind === 'method') for (const argument of member.arguments) specifier(argument.type);
        }
      }
    };
    visit(type);
    return found;
  });
  const state = nested.map(() => 0);
  const loops = (index: number): boolean => {
    if (state[index] !== 0) return state[index] === 1;
    state[index] = 1;
    const found = [...edges[index]!].some(loops);
    state[index] = 2;
    return found;
  };
  return nested.some((_, index) => loops(index));
}
