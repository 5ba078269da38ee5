import {
  type Constant,
  type ConstantKind,
  canonicalName,
  elementType,
  signature,
  type TypeSpecifier,
} from './ast.ts';
import { INT_LIMITS, parseInteger } from './constant.ts';
import type { Reporter } from './diagnostics.ts';
import { parseFloating, sixDecimals } from './floating.ts';

const KIND_NAMES: Record<ConstantKind, string> = {
  boolean: 'a literal boolean',
  int8: 'an int8 literal',
  int32: 'an int32 literal',
  int64: 'an int64 literal',
  array: 'a literal array',
  char: 'a literal char',
  string: 'a literal string',
  reference: 'a reference',
  float: 'a literal float',
  unary: 'a unary expression',
  binary: 'a binary expression',
  error: 'an invalid constant',
};

const RANK: Partial<Record<ConstantKind, number>> = { boolean: 0, int8: 1, int32: 2, int64: 3 };
const isInteger = (kind: ConstantKind) => RANK[kind] !== undefined;

/** Evaluates constants as aidl 14 does. Every error is reported once, where it arises. */
export class Evaluator {
  readonly #reporter: Reporter;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Whether the parts can be evaluated at all; values are left for later. */
  check(constant: Constant): boolean {
    if (constant.evaluated) return constant.valid;
    switch (constant.kind) {
      case 'error':
        return false;
      case 'reference':
        constant.valid = constant.target !== undefined && this.check(constant.target);
        break;
      case 'array':
      case 'unary':
        constant.valid = constant.parts.reduce((valid, part) => this.check(part) && valid, true);
        break;
      case 'binary':
        constant.valid = ['left', 'right'].reduce((valid, side, index) => {
          if (this.check(constant.parts[index]!)) return valid;
          this.#error(constant, `Invalid ${side} operand in binary expression: ${constant.literal}`);
          return false;
        }, true);
        break;
      default:
        constant.valid = true;
    }
    if (!constant.valid) constant.finalKind = 'error';
    return constant.valid;
  }

  evaluate(constant: Constant): boolean {
    if (constant.evaluated) return constant.valid;
    if (!this.check(constant)) return false;
    constant.evaluated = true;
    constant.valid = this.#value(constant);
    return constant.valid;
  }

  #value(constant: Constant): boolean {
    switch (constant.kind) {
      case 'boolean':
        constant.integer = constant.literal === 'true' ? 1n : 0n;
        return true;
      case 'char':
      case 'string':
        constant.text = constant.literal;
        return true;
      case 'reference': {
        const target = constant.target!;
        if (!this.evaluate(target)) return false;
        constant.finalKind = target.finalKind;
        constant.integer = target.integer;
        constant.text = target.text;
        return true;
      }
      case 'array':
        return this.#array(constant);
      case 'unary':
        return this.#unary(constant);
      case 'binary':
        return this.#binary(constant);
      default:
        return true;
    }
  }

  #array(constant: Constant): boolean {
    let kind: ConstantKind | undefined;
    for (const part of constant.parts) {
      if (!this.evaluate(part)) {
        this.#error(constant, `Invalid array element: ${part.literal}`);
        return false;
      }
      if (kind === undefined) {
        // aidl compares what follows with the first: one character makes an array, two do not.
        kind = part.finalKind;
        continue;
      }
      const both = [kind, part.finalKind];
      const alike = kind === part.finalKind && ['string', 'float', 'array'].includes(kind);
      if (alike || both.every(isInteger)) continue;
      this.#error(
        constant,
        `Incompatible array element type: ${KIND_NAMES[part.finalKind]}. ` +
          `Expecting type compatible with ${KIND_NAMES[kind]}`,
      );
      return false;
    }
    return true;
  }

  #unary(constant: Constant): boolean {
    const operand = constant.parts[0]!;
    const operator = constant.operator!;
    if (!this.evaluate(operand)) return false;
    const kind = operand.finalKind;
    if (!isInteger(kind) && !(kind === 'float' && (operator === '+' || operator === '-'))) {
      this.#error(operand, `'${operator}' is not compatible with ${KIND_NAMES[kind]}: ${constant.literal}`);
      return false;
    }
    constant.finalKind = kind;
    if (kind === 'float') return true;
    const value = operand.integer;
    if (operator === '!') {
      constant.integer = value === 0n ? 1n : 0n;
      return true;
    }
    if (kind === 'boolean') {
      if (operator === '~') {
        this.#error(constant, 'Bitwise negation of a boolean expression is always true.');
        return false;
      }
      // The least boolean is false, and the least of a type has no negative.
      if (operator === '-' && value === 0n) return this.#overflow(constant);
      constant.integer = value;
      return true;
    }
    if (operator === '-') return this.#store(constant, -value);
    constant.integer = operator === '~' ? ~value : value;
    return true;
  }

  #binary(constant: Constant): boolean {
    const [left, right] = constant.parts as [Constant, Constant];
    const operator = constant.operator!;
    const leftValid = this.evaluate(left);
    if (!this.evaluate(right) || !leftValid) return false;
    const strings = left.finalKind === 'string' && right.finalKind === 'string';
    if (!strings && !(isInteger(left.finalKind) && isInteger(right.finalKind))) {
      this.#error(
        constant,
        `Cannot perform operation '${operator}' on ${KIND_NAMES[right.finalKind]} and ${KIND_NAMES[left.finalKind]}.`,
      );
      return false;
    }
    if (strings) {
      if (operator !== '+') {
        this.#error(constant, `Only '+' is supported for strings, not '${operator}'.`);
        return false;
      }
      constant.finalKind = 'string';
      constant.text = left.text.slice(0, -1) + right.text.slice(1);
      return true;
    }
    if (operator === '&&' || operator === '||') {
      constant.finalKind = 'boolean';
      const both = [left.integer !== 0n, right.integer !== 0n];
      constant.integer = (operator === '&&' ? both.every(Boolean) : both.some(Boolean)) ? 1n : 0n;
      return true;
    }
    // Everything is computed in 32 bits at least.
    const promoted = [left, right].some(({ finalKind }) => finalKind === 'int64') ? 'int64' : 'int32';
    const a = left.integer;
    const b = right.integer;
    const compared = compare(operator, a, b);
    if (compared !== undefined) {
      constant.finalKind = 'boolean';
      constant.integer = compared ? 1n : 0n;
      return true;
    }
    constant.finalKind = promoted;
    if (operator === '<<' || operator === '>>') return this.#shift(constant, operator, a, b);
    if ((operator === '/' || operator === '%') && b === 0n) return this.#overflow(constant);
    const least = -(1n << (INT_LIMITS[promoted] - 1n));
    if (operator === '%' && a === least && b === -1n) return this.#overflow(constant);
    return this.#store(constant, compute(operator, a, b));
  }

  /** A negative count shifts the other way. */
  #shift(constant: Constant, operator: string, value: bigint, count: bigint): boolean {
    const bits = INT_LIMITS[constant.finalKind as 'int32' | 'int64'];
    const leftwards = (operator === '<<') === count >= 0n;
    const by = count < 0n ? -count : count;
    if (by >= bits || by < 0n || value < 0n) return this.#overflow(constant);
    const shifted = leftwards ? value << by : value >> by;
    // The sign bit may be reached, not passed.
    if (shifted >> bits !== 0n) return this.#overflow(constant);
    constant.integer = BigInt.asIntN(Number(bits), shifted);
    return true;
  }

  #store(constant: Constant, value: bigint): boolean {
    const bits = INT_LIMITS[constant.finalKind as 'int8' | 'int32' | 'int64'];
    if (BigInt.asIntN(Number(bits), value) !== value) return this.#overflow(constant);
    constant.integer = value;
    return true;
  }

  #overflow(constant: Constant): false {
    this.#error(constant, 'Constant expression computation overflows.');
    return false;
  }

  /**
   * The constant as a value of a type: `-1`, `"text"`, `{1, 2}`, `Enum.NAME`; undefined, with an error
   * reported, where it is none.
   */
  valueString(constant: Constant, type: TypeSpecifier): string | undefined {
    if (type.parameters) {
      this.#reporter.error(type.location, 'Generic type cannot be specified with a constant literal.');
      return undefined;
    }
    if (!constant.evaluated && !this.evaluate(constant)) return undefined;
    if (!constant.valid) {
      this.#error(constant, `Invalid constant value: ${constant.literal}`);
      return undefined;
    }
    const definition = type.definition;
    if (definition && constant.finalKind !== 'array') {
      if (definition.kind !== 'enum') {
        const name = canonicalName(definition);
        this.#error(constant, `Invalid type (${name}) for a const value (${constant.literal})`);
        return undefined;
      }
      if (constant.kind !== 'reference') {
        this.#error(constant, `Invalid value (${constant.literal}) for enum ${canonicalName(definition)}`);
        return undefined;
      }
      // aidl aborts on an enumerator for an array; it is no array, and refused as one.
      if (!type.array) return `${type.name}.${constant.field}`;
    }
    const value =
      constant.finalKind === 'array' ? this.#arrayValue(constant, type) : this.#scalarValue(constant, type);
    if (value !== undefined) return value;
    this.#error(
      constant,
      `Invalid type specifier for ${KIND_NAMES[constant.finalKind]}: ${signature(type)} (${constant.literal}).${meant(constant, type)}`,
    );
    return undefined;
  }

  #arrayValue(constant: Constant, type: TypeSpecifier): string | undefined {
    if (!type.array) return undefined;
    const dimensions = type.array.dimensions;
    const source = constant.kind === 'reference' ? constant.target! : constant;
    const element = elementType(type);
    const values: string[] = [];
    for (const part of source.parts) {
      const value = this.valueString(part, element);
      if (value === undefined) return undefined;
      values.push(value);
    }
    if (dimensions !== 'dynamic') {
      this.evaluate(dimensions[0]!);
      const wanted = dimensions[0]!.integer;
      if (BigInt(source.parts.length) !== wanted) {
        this.#error(
          constant,
          `Expected an array of ${wanted} elements, but found one with ${source.parts.length} elements`,
        );
        return undefined;
      }
    }
    return `{${values.join(', ')}}`;
  }

  #scalarValue(constant: Constant, type: TypeSpecifier): string | undefined {
    const { finalKind, integer } = constant;
    if (type.array) return undefined;
    switch (finalKind) {
      case 'char':
        return type.name === 'char' ? constant.text : undefined;
      case 'string':
        return type.name === 'String' ? constant.text : undefined;
      case 'float':
        return this.#floatValue(constant, type.name);
      case 'array':
        return undefined;
      default:
        break;
    }
    if (type.name === 'boolean') return integer === 0n ? 'false' : 'true';
    const bits = { byte: 8, int: 32, long: 64 }[type.name];
    return bits !== undefined && BigInt.asIntN(bits, integer) === integer ? `${integer}` : undefined;
  }

  #floatValue(constant: Constant, typeName: string): string | undefined {
    if (typeName !== 'double' && typeName !== 'float') return undefined;
    const value = parseFloating(constant.literal, typeName);
    if (value === undefined) {
      this.#error(constant, `Could not parse ${constant.literal}`);
      return undefined;
    }
    return typeName === 'float' ? `${sixDecimals(value)}f` : sixDecimals(value);
  }

  #error(constant: Constant, text: string): void {
    this.#reporter.error(constant.location, text);
  }
}

function compare(operator: string, a: bigint, b: bigint): boolean | undefined {
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '>':
      return a > b;
    case '<=':
      return a <= b;
    case '>=':
      return a >= b;
    default:
      return undefined;
  }
}

function compute(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    default:
      return a & b;
  }
}

/** The suffix that would make a literal fit, for those who mean the bits and not the number. */
function meant(constant: Constant, type: TypeSpecifier): string {
  const suffix = type.array ? undefined : { byte: 'u8', int: 'u32', long: 'u64' }[type.name];
  if (suffix === undefined || !isInteger(constant.kind)) return '';
  if (!isInteger(constant.finalKind) || /[uUlL]/.test(constant.literal)) return '';
  const literal = constant.literal + suffix;
  const meansIt = parseInteger(literal)?.kind === { u8: 'int8', u32: 'int32', u64: 'int64' }[suffix];
  return meansIt ? ` Did you mean: ${literal}?` : '';
}
