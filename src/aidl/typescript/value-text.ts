import { type Constant, elementType, type TypeSpecifier } from '../ast.ts';
import { Reporter } from '../diagnostics.ts';
import { Evaluator } from '../evaluate.ts';
import { inGeneratedCode, parseFloating } from '../floating.ts';
import { array, type Doc } from './layout.ts';
import type { ModuleScope } from './module-scope.ts';
import { enumeratorName } from './names.ts';

/** A string as source text, in the quotes that need fewer escapes. */
export function quote(text: string): string {
  const single = text.split("'").length;
  const quotes = single > text.split('"').length ? '"' : "'";
  const escaped = text.replaceAll('\\', '\\\\').replaceAll(quotes, `\\${quotes}`);
  return quotes + escaped + quotes;
}

/** A property's name, in quotes if it must. */
export function propertyKey(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : quote(name);
}

/** A checked constant as a value of a type: `5n`, `'a'`, `[Mode.A]`. */
export function valueText(constant: Constant, type: TypeSpecifier, scope: ModuleScope): Doc {
  const evaluator = new Evaluator(new Reporter());
  evaluator.evaluate(constant);
  if (constant.finalKind === 'array') {
    const { parts } = constant.kind === 'reference' ? constant.target! : constant;
    const element = elementType(type);
    const elements = parts.map((part) => valueText(part, element, scope));
    return array(elements, parts.length > 1 && parts.every(isArrayOfSeveral));
  }
  if (type.definition) return `${scope.type(type.definition)}.${enumeratorName(constant.field!)}`;
  switch (constant.finalKind) {
    case 'char':
    case 'string':
      return quote(constant.text.slice(1, -1));
    case 'float':
      return floatText(inGeneratedCode(parseFloating(constant.literal, type.name as 'float' | 'double')!));
    default:
      return integerText(constant.integer, type.name);
  }
}

/** As a formatter leaves it: no plus in exponents, which JavaScript writes; and with the sign of zero, which it does not. */
const floatText = (value: number): string => (Object.is(value, -0) ? '-0' : `${value}`.replace('e+', 'e'));

function isArrayOfSeveral(constant: Constant): boolean {
  return constant.finalKind === 'array' && constant.parts.length > 1;
}

/** An integer as a value of a type. */
export function integerText(value: bigint, typeName: string): string {
  if (typeName === 'boolean') return value === 0n ? 'false' : 'true';
  return typeName === 'long' ? `${value}n` : `${value}`;
}

/** Whether a value must be made anew for each place, or is looked up late. */
export function isMade(constant: Constant, type: TypeSpecifier): boolean {
  return constant.finalKind === 'array' || type.definition !== undefined;
}
