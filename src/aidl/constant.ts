import type { Constant, ConstantKind, TypeSpecifier } from './ast.ts';
import type { Location } from './source.ts';

type Shape = Pick<Constant, 'kind' | 'location' | 'literal'> & Partial<Constant>;

function constant(shape: Shape): Constant {
  return {
    parts: [],
    evaluated: false,
    valid: false,
    finalKind: shape.kind,
    integer: 0n,
    text: '',
    ...shape,
  };
}

export const INT_LIMITS = { int8: 8n, int32: 32n, int64: 64n } as const;

/**
 * Reads a literal as aidl does: hexadecimal is unsigned in 32 bits if it fits, whether its suffix is u32, u64 or
 * none; decimal is the smallest that it fits.
 */
export function parseInteger(
  literal: string,
): { kind: 'int8' | 'int32' | 'int64'; value: bigint } | undefined {
  const [, body, suffix] = /^(.*?)([lL]|u8|u32|u64)?$/.exec(literal)!;
  if (!/^(0[xX][0-9a-fA-F]+(_[0-9a-fA-F]+)*|[0-9]+(_[0-9]+)*)$/.test(body!)) return undefined;
  const value = BigInt(body!.replaceAll('_', '').replace(/^0+(?=[0-9])/, ''));
  const hex = /^0[xX]/.test(body!);
  const unsigned = (bits: bigint) => (value >> bits === 0n ? BigInt.asIntN(Number(bits), value) : undefined);
  const as = (kind: 'int8' | 'int32' | 'int64', signed: bigint | undefined) =>
    signed === undefined ? undefined : { kind, value: signed };
  if (suffix === 'u8') return as('int8', unsigned(8n));
  const long = suffix === 'l' || suffix === 'L';
  if (hex) return (long ? undefined : as('int32', unsigned(32n))) ?? as('int64', unsigned(64n));
  if (suffix === 'u32') return as('int32', unsigned(32n));
  if (suffix === 'u64') return as('int64', unsigned(64n));
  if (value >> 63n !== 0n) return undefined;
  if (long) return { kind: 'int64', value };
  return { kind: value < 128n ? 'int8' : value < 1n << 31n ? 'int32' : 'int64', value };
}

/** Undefined where the literal is no number. */
export function integerConstant(location: Location, literal: string): Constant | undefined {
  const parsed = parseInteger(literal);
  return parsed && constant({ kind: parsed.kind, location, literal, integer: parsed.value });
}

export const plainConstant = (kind: ConstantKind, location: Location, literal: string): Constant =>
  constant({ kind, location, literal });

/** The first character a string or character constant may not hold, or -1. */
export function invalidCharacter(text: string): number {
  return text.search(/[^\x20-\x7e]|\\/);
}

export function referenceConstant(location: Location, literal: string): Constant {
  const dot = literal.lastIndexOf('.');
  const field = literal.slice(dot + 1);
  if (dot < 0) return constant({ kind: 'reference', location, literal, field });
  return constant({
    kind: 'reference',
    location,
    literal,
    field,
    scope: typeSpecifier(location, literal.slice(0, dot)),
  });
}

export function arrayConstant(location: Location, parts: Constant[]): Constant {
  return constant({
    kind: 'array',
    location,
    literal: `{${parts.map(({ literal }) => literal).join(', ')}}`,
    parts,
  });
}

export function unaryConstant(location: Location, operator: string, operand: Constant): Constant {
  return constant({
    kind: 'unary',
    location,
    operator,
    literal: operator + operand.literal,
    parts: [operand],
  });
}

export function binaryConstant(
  location: Location,
  left: Constant,
  operator: string,
  right: Constant,
): Constant {
  const literal = left.literal + operator + right.literal;
  return constant({ kind: 'binary', location, operator, literal, parts: [left, right] });
}

export function findReference(constant: Constant): Constant | undefined {
  if (constant.kind === 'reference') return constant;
  for (const part of constant.parts) {
    const found = findReference(part);
    if (found) return found;
  }
  return undefined;
}

/** The value a field has where none is written: zero for numbers, nothing for the rest. */
export function defaultConstant({ location, unresolvedName, array }: TypeSpecifier): Constant | undefined {
  if (array) return undefined;
  switch (unresolvedName) {
    case 'boolean':
      return plainConstant('boolean', location, 'false');
    case 'byte':
    case 'int':
    case 'long':
      return integerConstant(location, '0');
    case 'float':
      return plainConstant('float', location, '0.0f');
    case 'double':
      return plainConstant('float', location, '0.0');
    default:
      return undefined;
  }
}

export function typeSpecifier(location: Location, unresolvedName: string): TypeSpecifier {
  return {
    kind: 'type',
    location,
    unresolvedName,
    comments: [],
    annotations: [],
    parameters: undefined,
    array: undefined,
    name: unresolvedName,
    resolved: false,
    definition: undefined,
  };
}
