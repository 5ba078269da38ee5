import {
  type Annotation,
  type Argument,
  type Constant,
  constantsOf,
  type DefinedType,
  type Document,
  elementType,
  fieldsOf,
  methodsOf,
  nestedTypesOf,
  signature,
  type TypeSpecifier,
} from './ast.ts';
import { dumpTags } from './comments.ts';
import { typeSpecifier } from './constant.ts';
import { Reporter } from './diagnostics.ts';
import { Evaluator } from './evaluate.ts';

/** A type as `--dumpapi` writes it, below the banner. The document must have been checked. */
export function dumpApi(type: DefinedType): string {
  const lines: string[] = [];
  if (type.package !== '') lines.push(`package ${type.package};`);
  dumpType(type, '', lines);
  return `${lines.join('\n')}\n`;
}

/** What two dumps of a type have to agree in to be equal: as dumpApi, with what constants evaluate to. */
export function comparableDump(type: DefinedType): string {
  const lines: string[] = [];
  dumpType(type, '', lines, true);
  return `${lines.join('\n')}\n`;
}

/** What stands above the dump: the comments at the file's head, one behind the other as aidl writes them. */
export function dumpHead({ comments }: Document): string {
  const lines = comments.map((comment) => (comment.startsWith('//') ? `${comment}\n` : comment)).join('');
  return lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`;
}

/** With `values` constants are what they evaluate to; otherwise they are as written. */
function dumpType(type: DefinedType, indent: string, lines: string[], values = false): void {
  const write = values ? valueText : constantText;
  const inner = `${indent}  `;
  const tagsOf = (node: { readonly comments: readonly string[] }, at: string) => {
    for (const tag of dumpTags(node.comments)) lines.push(at + tag);
  };
  tagsOf(type, indent);
  const annotations = annotationText(type.annotations);
  if (annotations !== '') lines.push(indent + annotations);
  const name = type.name + (type.typeParameters ? `<${type.typeParameters.join(', ')}>` : '');
  if (type.kind === 'unstructured') {
    lines.push(`${indent}parcelable ${name};`);
    return;
  }
  lines.push(`${indent}${type.kind} ${name} {`);
  for (const enumerator of type.enumerators) {
    tagsOf(enumerator, inner);
    const value = enumerator.valueWritten || values ? ` = ${write(enumerator.value, type.backing!)}` : '';
    lines.push(`${inner}${enumerator.name}${value},`);
  }
  for (const method of methodsOf(type)) {
    tagsOf(method, inner);
    const oneway = method.oneway ? 'oneway ' : '';
    const args = method.arguments.map(argumentText).join(', ');
    const id = method.idWritten ? ` = ${method.id}` : '';
    lines.push(`${inner}${oneway}${typeText(method.type)} ${method.name}(${args})${id};`);
  }
  for (const field of fieldsOf(type)) {
    tagsOf(field, inner);
    const value = field.valueWritten ? ` = ${write(field.value!, field.type)}` : '';
    lines.push(`${inner}${typeText(field.type)} ${field.name}${value};`);
  }
  for (const constant of constantsOf(type)) {
    tagsOf(constant, inner);
    const value = write(constant.value, constant.type);
    lines.push(`${inner}const ${typeText(constant.type)} ${constant.name} = ${value};`);
  }
  for (const nested of nestedTypesOf(type)) if (!nested.implicit) dumpType(nested, inner, lines, values);
  lines.push(`${indent}}`);
}

function argumentText(argument: Argument): string {
  const direction = argument.directionWritten ? `${argument.direction} ` : '';
  return `${direction}${typeText(argument.type)} ${argument.name}`;
}

/** The type with its annotations, sorted. */
export function typeText(type: TypeSpecifier): string {
  const annotations = annotationText(type.annotations);
  return annotations === '' ? signature(type) : `${annotations} ${signature(type)}`;
}

/** Annotations of one node, sorted, with their parameters evaluated. */
export function annotationText(annotations: readonly Annotation[]): string {
  const evaluator = new Evaluator(new Reporter());
  const text = ({ name, schema, parameters }: Annotation): string => {
    if (parameters.size === 0) return `@${name}`;
    const values = [...parameters.keys()].sort().map((key) => {
      const value = parameters.get(key)!;
      const type = typeSpecifier(value.location, schema.parameters[key]!.replace('[]', ''));
      if (schema.parameters[key]!.endsWith('[]')) type.array = { dimensions: 'dynamic' };
      return `${key}=${evaluator.valueString(value, type)}`;
    });
    return `@${name}(${values.join(', ')})`;
  };
  return annotations.map(text).sort().join(' ');
}

/** As written, and behind it in a comment what it evaluates to, where that is not plain to see. */
export function constantText(constant: Constant, type: TypeSpecifier): string {
  if (constant.kind === 'array') {
    const element = elementType(type);
    return `{${constant.parts.map((part) => constantText(part, element)).join(', ')}}`;
  }
  const written = expressionText(constant);
  if (!['reference', 'unary', 'binary'].includes(constant.kind)) return written;
  if (type.definition) return written;
  return `${written} /* ${valueText(constant, type)} */`;
}

/** What a checked constant evaluates to, as its type writes it. */
export function valueText(constant: Constant, type: TypeSpecifier): string {
  return new Evaluator(new Reporter()).valueString(constant, type) ?? '';
}

function expressionText(constant: Constant): string {
  switch (constant.kind) {
    case 'unary':
      return `(${constant.operator}${expressionText(constant.parts[0]!)})`;
    case 'binary':
      return `(${constant.parts.map(expressionText).join(` ${constant.operator} `)})`;
    case 'reference':
      return constant.scope ? `${constant.scope.name}.${constant.field}` : constant.field!;
    default:
      return constant.literal;
  }
}
