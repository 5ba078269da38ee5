import {
  type Constant,
  findAnnotation,
  isFixedArray,
  isParcelable,
  signature,
  type TypeSpecifier,
} from './ast.ts';
import { isHeapNullable } from './containment.ts';
import type { Reporter } from './diagnostics.ts';
import type { Evaluator } from './evaluate.ts';
import { isBuiltIn, isPrimitive } from './type-table.ts';

export { isPrimitive };

const LIST_USAGE = 'List<T> supports interface/parcelable/union, String, IBinder, and ParcelFileDescriptor.';

/** Checks one mention of a type; `annotations` checks those it carries. */
export function checkType(
  type: TypeSpecifier,
  evaluator: Evaluator,
  reporter: Reporter,
  annotations: (type: TypeSpecifier) => boolean,
): boolean {
  const error = (text: string): false => {
    reporter.error(type.location, text);
    return false;
  };
  const { name, definition } = type;
  if (!annotations(type)) return false;
  if (type.parameters) {
    for (const parameter of type.parameters) {
      if (!checkType(parameter, evaluator, reporter, annotations)) return false;
    }
    if (genericProblem(type) !== undefined) {
      // Told with the sizes of arrays, which nobody has asked for yet.
      for (const size of sizesOf(type)) evaluator.evaluate(size);
      return error(genericProblem(type)!);
    }
  }
  const utf8 = findAnnotation(type, 'utf8InCpp') !== undefined;
  const stringList =
    name === 'List' && type.parameters?.length === 1 && type.parameters[0]!.name === 'String';
  if (utf8 && name !== 'String' && !stringList) {
    return error('@utf8InCpp can only be used on String, String[], and List<String>.');
  }
  const nullable = findAnnotation(type, 'nullable') !== undefined;
  if (name === 'void' && (type.array || nullable || utf8)) {
    return error('void type cannot be an array or nullable or utf8 string');
  }
  if (type.array && ['ParcelableHolder', 'List', 'Map', 'CharSequence'].includes(name)) {
    return error(`Arrays of ${name} are not supported.`);
  }
  if (nullable) {
    if (isPrimitive(name) && !type.array) return error('Primitive type cannot get nullable annotation');
    if (definition?.kind === 'enum' && !type.array) return error('Enum type cannot get nullable annotation');
    if (name === 'ParcelableHolder') return error('ParcelableHolder cannot be nullable.');
    if (isHeapNullable(type, reporter) && (type.array || !isParcelable(definition))) {
      return error('@nullable(heap=true) is available to parcelables.');
    }
  }
  if (!isFixedArray(type)) return true;
  for (const size of sizesOf(type)) {
    if (!evaluator.evaluate(size)) return false;
    const number = ['boolean', 'int8', 'int32'].includes(size.finalKind);
    if (!number || size.integer < 0n) {
      return error(`Array size must be a positive number: ${number ? size.integer : size.literal}`);
    }
  }
  return true;
}

function sizesOf({ array }: TypeSpecifier): readonly Constant[] {
  return array === undefined || array.dimensions === 'dynamic' ? [] : array.dimensions;
}

function genericProblem(type: TypeSpecifier): string | undefined {
  const { name } = type;
  const parameters = type.parameters!;
  const count = parameters.length;
  if (name === 'List' || name === 'Map') {
    const primitive = parameters.some(
      (parameter) =>
        !parameter.array && (parameter.definition?.kind === 'enum' || isPrimitive(parameter.name)),
    );
    if (primitive) return 'A generic type cannot have any primitive type parameters.';
  }
  if (name === 'List') {
    if (count > 1) return `List can only have one type parameter, but got: '${signature(type)}'`;
    const contained = parameters[0]!;
    if (contained.array) return `List of arrays is not supported. ${LIST_USAGE}`;
    const fits = ['String', 'IBinder', 'ParcelFileDescriptor'].includes(contained.name);
    if (isBuiltIn(contained.name) && !fits) return `List<${contained.name}> is not supported. ${LIST_USAGE}`;
    return undefined;
  }
  if (name === 'Map') {
    if (count !== 2) return `Map must have 0 or 2 type parameters, but got '${signature(type)}'`;
    const key = signature(parameters[0]!);
    return key === 'String' ? undefined : `The type of key in map must be String, but it is '${key}'`;
  }
  const wanted = type.definition?.typeParameters?.length;
  if (wanted === undefined) return `${name} is not a generic type.`;
  return count === wanted ? undefined : `${name} must have ${wanted} type parameters, but got ${count}`;
}
