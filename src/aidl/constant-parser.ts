import type { Constant } from './ast.ts';
import {
  arrayConstant,
  binaryConstant,
  integerConstant,
  invalidCharacter,
  plainConstant,
  referenceConstant,
  unaryConstant,
} from './constant.ts';
import type { Reporter } from './diagnostics.ts';
import type { TokenKind } from './lexer.ts';
import { type Location, span } from './source.ts';
import { ParseAbort, SyntaxFailure, type TokenStream } from './token-stream.ts';

/** Precedence of the binary operators, as in C. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};

const BEGINNINGS = new Set([
  ...['true', 'false', 'char literal', 'string literal', 'int literal', 'hex literal', 'float literal'],
  ...['identifier', 'cpp_header', 'ndk_header', 'rust_type', '{', '(', '+', '-', '!', '~'],
]);

/** Whether an expression can begin with a token of this kind. */
export const startsConstant = (kind: TokenKind): boolean => BEGINNINGS.has(kind);

/** Each level costs stack, here and in every later pass; no real file comes near. */
const MAX_DEPTH = 500;

interface Parsed {
  readonly constant: Constant;
  readonly location: Location;
  readonly depth: number;
}

/** Parses constant expressions. `onError` is told of errors that do not stop the parser. */
export class ConstantParser {
  readonly #stream: TokenStream;
  readonly #reporter: Reporter;
  readonly #qualifiedName: () => { text: string; location: Location };
  #nesting = 0;

  constructor(
    stream: TokenStream,
    reporter: Reporter,
    qualifiedName: () => { text: string; location: Location },
  ) {
    this.#stream = stream;
    this.#reporter = reporter;
    this.#qualifiedName = qualifiedName;
  }

  /** Whether an error was found that makes the file invalid although parsing went on. */
  failed = false;

  parse(): { constant: Constant; location: Location } {
    return this.#binary(0);
  }

  #binary(least: number): Parsed {
    let left = this.#unary();
    for (;;) {
      const operator = this.#stream.kind;
      const precedence = PRECEDENCE[operator] ?? 0;
      if (precedence <= least) return left;
      this.#stream.next();
      const right = this.#binary(precedence);
      left = {
        constant: binaryConstant(left.location, left.constant, operator, right.constant),
        location: span(left.location, right.location),
        depth: this.#deeper(Math.max(left.depth, right.depth)),
      };
    }
  }

  #deeper(depth: number): number {
    if (depth < MAX_DEPTH) return depth + 1;
    this.#reporter.error(
      this.#stream.token.location,
      `Constant expression nests too deeply: more than ${MAX_DEPTH} levels; split it into several constants`,
    );
    throw new ParseAbort();
  }

  #unary(): Parsed {
    if (!['+', '-', '!', '~'].includes(this.#stream.kind)) return this.#primary();
    const operator = this.#stream.next();
    this.#enter();
    const operand = this.#unary();
    this.#nesting--;
    return {
      constant: unaryConstant(operator.location, operator.kind, operand.constant),
      location: span(operator.location, operand.location),
      depth: this.#deeper(operand.depth),
    };
  }

  #enter(): void {
    this.#nesting = this.#deeper(this.#nesting);
  }

  #primary(): Parsed {
    const { kind, text, location } = this.#stream.token;
    const leaf = (constant: Constant): Parsed => {
      this.#stream.next();
      return { constant, location, depth: 1 };
    };
    switch (kind) {
      case 'true':
      case 'false':
        return leaf(plainConstant('boolean', location, kind));
      case 'char literal':
        if (invalidCharacter(text[1]!) < 0) return leaf(plainConstant('char', location, text));
        this.#reporter.error(location, `Invalid character literal ${escaped(text[1]!)}`);
        return leaf(plainConstant('error', location, text));
      case 'string literal': {
        const at = invalidCharacter(text.slice(1, -1));
        if (at < 0) return leaf(plainConstant('string', location, text));
        this.#reporter.error(
          location,
          `Found invalid character '${text[at + 1]}' at index ${at} in string constant '${text}'`,
        );
        return leaf(plainConstant('error', location, text));
      }
      case 'int literal':
      case 'hex literal': {
        const constant = integerConstant(location, text);
        if (constant) return leaf(constant);
        const what = kind === 'int literal' ? 'integer' : 'hexvalue';
        this.#reporter.error(location, `Could not parse ${what}: ${text}`);
        this.failed = true;
        return leaf(integerConstant(location, '0')!);
      }
      case 'float literal':
        return leaf(plainConstant('float', location, text));
      case '{':
        return this.#array();
      case '(':
        return this.#parentheses();
      case 'identifier':
      case 'cpp_header':
      case 'ndk_header':
      case 'rust_type': {
        const name = this.#qualifiedName();
        return { constant: referenceConstant(name.location, name.text), location: name.location, depth: 1 };
      }
      default:
        return this.#stream.fail();
    }
  }

  #array(): Parsed {
    const open = this.#stream.next();
    this.#enter();
    const parts: Parsed[] = [];
    while (startsConstant(this.#stream.kind)) {
      parts.push(this.#binary(0));
      if (!this.#stream.accept(',')) break;
    }
    const close = this.#stream.expect('}');
    this.#nesting--;
    return {
      constant: arrayConstant(
        open.location,
        parts.map(({ constant }) => constant),
      ),
      location: span(open.location, close.location),
      depth: this.#deeper(parts.reduce((depth, part) => Math.max(depth, part.depth), 0)),
    };
  }

  #parentheses(): Parsed {
    const open = this.#stream.next();
    this.#enter();
    const nesting = this.#nesting;
    try {
      const inner = this.#binary(0);
      const close = this.#stream.expect(')', []);
      return { ...inner, location: span(open.location, close.location) };
    } catch (error) {
      if (!(error instanceof SyntaxFailure)) throw error;
      const close = this.#stream.recover(')');
      this.#reporter.error(open.location, 'invalid const expression within parenthesis');
      this.failed = true;
      return {
        constant: integerConstant(open.location, '0')!,
        location: span(open.location, close.location),
        depth: 1,
      };
    } finally {
      this.#nesting = nesting - 1;
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** A character that can be printed, as C++ escapes it; above 127 it is a negative number there. */
function escaped(character: string): string {
  const code = character.charCodeAt(0);
  const hex = (code < 128 ? code : 0xffffff00 + code).toString(16).toUpperCase();
  return ESCAPES[character] ?? `\\x${hex}`;
}
