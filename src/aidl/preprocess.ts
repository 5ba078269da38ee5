import { canonicalName, constantsOf, type DefinedType, nestedTypesOf } from './ast.ts';
import { deprecationNote, isHidden } from './comments.ts';
import { annotationText, typeText, valueText } from './dump-api.ts';

/**
 * The declaration of a checked type as `--preprocess` writes it: its name, annotations, constants and nested
 * types, which is what other files need to know of it. Read again by the `preprocessed` option.
 */
export function preprocess(type: DefinedType): string {
  const lines: string[] = [];
  declare(type, '', lines);
  return `${lines.join('\n')}\n`;
}

function declare(type: DefinedType, indent: string, lines: string[]): void {
  const inner = `${indent}  `;
  lines.push(...tagLines(type.comments, indent));
  const annotations = annotationText(type.annotations);
  if (annotations !== '') lines.push(indent + annotations);
  const parameters = type.typeParameters ? `<${type.typeParameters.join(', ')}>` : '';
  const keyword = type.kind === 'unstructured' ? 'parcelable' : type.kind;
  const head = `${indent}${keyword} ${type.parent ? type.name : canonicalName(type)}${parameters}`;
  if (type.kind === 'unstructured') {
    const { cpp, ndk, rust } = type.headers;
    // aidl 14 leaves the quotes out, and cannot read what it wrote.
    const headers = [
      ...(cpp ? [` cpp_header "${cpp}"`] : []),
      ...(ndk ? [` ndk_header "${ndk}"`] : []),
      ...(rust ? [` rust_type "${rust}"`] : []),
    ];
    lines.push(`${head}${headers.join('')};`);
    return;
  }
  lines.push(`${head} {`);
  for (const { name, value } of type.enumerators) {
    lines.push(`${inner}${name} = ${valueText(value, type.backing!)},`);
  }
  for (const constant of constantsOf(type)) {
    lines.push(...tagLines(constant.comments, inner));
    const value = valueText(constant.value, constant.type);
    lines.push(`${inner}const ${typeText(constant.type)} ${constant.name} = ${value};`);
  }
  for (const nested of nestedTypesOf(type)) declare(nested, inner, lines);
  lines.push(`${indent}}`);
}

function tagLines(comments: readonly string[], indent: string): string[] {
  const note = deprecationNote(comments);
  const tags = [
    ...(isHidden(comments) ? [`${indent} * @hide`] : []),
    ...(note === undefined ? [] : [`${indent} * @deprecated ${note}`]),
  ];
  return tags.length === 0 ? [] : [`${indent}/**`, ...tags, `${indent} */`];
}
