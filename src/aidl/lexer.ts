import type { Comments } from './comments.ts';
import type { Location, Point } from './source.ts';

/** Words that are tokens of their own; `cpp_header` and its kin can also be used as identifiers. */
const KEYWORDS = new Set([
  ...['parcelable', 'import', 'package', 'in', 'out', 'inout', 'cpp_header', 'ndk_header', 'rust_type'],
  ...['const', 'true', 'false', 'interface', 'oneway', 'enum', 'union'],
]);

const SYMBOLS = ['<<', '>>', '&&', '||', '<=', '>=', '==', '!=', ...'()<>{}[]:;,.=+-*/%&|^!~'];

/** `kind` is the keyword or symbol itself, or the name syntax errors use. */
export type TokenKind = string;

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly location: Location;
  /** Those between the token before and this one. */
  readonly comments: Comments;
}

const identifier = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const integer = /[0-9][0-9_]*(?:[lL]|u8|u32|u64)?/y;
// The bar is in aidl's own pattern: `0|1` is one token there, and no number.
const hexadecimal = /0[xX|][0-9a-fA-F_]+(?:[lL]|u8|u32|u64)?/y;
const floating = /[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?f?/y;

/** Cuts a source into tokens. The text is one character a byte (Latin-1), since columns count bytes. */
export class Lexer {
  readonly #file: string;
  readonly #text: string;
  #position = 0;
  #begin: Point = { line: 1, column: 1 };
  #line = 1;
  #column = 1;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  next(): Token {
    const comments: string[] = [];
    this.#step();
    while (this.#position < this.#text.length) {
      const character = this.#text[this.#position]!;
      if (character === '\n') {
        this.#position++;
        this.#newLine();
        this.#step();
      } else if (character === ' ' || character === '\t' || character === '\r') {
        this.#advance(1);
      } else if (this.#text.startsWith('//', this.#position)) {
        const end = this.#text.indexOf('\n', this.#position);
        comments.push(this.#advance((end < 0 ? this.#text.length : end) - this.#position));
      } else if (this.#text.startsWith('/*', this.#position)) {
        const comment = this.#blockComment();
        if (comment === undefined) return this.#token('end of file', '', comments);
        comments.push(comment);
      } else {
        return this.#match(character, comments);
      }
    }
    return this.#token('end of file', '', comments);
  }

  #match(character: string, comments: Comments): Token {
    if (character === '"') {
      const end = this.#text.indexOf('"', this.#position + 1);
      if (end >= 0) return this.#token('string literal', this.#advance(end + 1 - this.#position), comments);
    }
    if (
      character === "'" &&
      this.#text[this.#position + 2] === "'" &&
      this.#text[this.#position + 1] !== '\n'
    ) {
      return this.#token('char literal', this.#advance(3), comments);
    }
    if (character === '@') {
      const length = this.#length(identifier, 1);
      if (length > 0) return this.#token('annotation', this.#advance(length + 1).slice(1), comments);
    }
    const word = this.#length(identifier);
    if (word > 0) {
      const text = this.#advance(word);
      return this.#token(KEYWORDS.has(text) ? text : 'identifier', text, comments);
    }
    // The longest match wins, and of equals the first, as in lex.
    const lengths = [this.#length(integer), this.#length(floating), this.#length(hexadecimal)];
    const longest = Math.max(...lengths);
    if (longest > 0) {
      const kind = ['int literal', 'float literal', 'hex literal'][lengths.indexOf(longest)]!;
      return this.#token(kind, this.#advance(longest), comments);
    }
    const symbol = SYMBOLS.find((candidate) => this.#text.startsWith(candidate, this.#position));
    if (symbol !== undefined && symbol !== ':') {
      return this.#token(symbol, this.#advance(symbol.length), comments);
    }
    return this.#token('unrecognized character', this.#advance(1), comments);
  }

  #length(pattern: RegExp, offset = 0): number {
    pattern.lastIndex = this.#position + offset;
    return pattern.exec(this.#text)?.[0].length ?? 0;
  }

  /** Undefined for a comment that never ends; then all of the text is consumed. */
  #blockComment(): string | undefined {
    const from = this.#position;
    const end = this.#text.indexOf('*/', from + 2);
    const stop = end < 0 ? this.#text.length : end + 2;
    for (let at = from; at < stop; ) {
      const lineEnd = this.#text.indexOf('\n', at);
      if (lineEnd < 0 || lineEnd >= stop) {
        this.#column += stop - at;
        break;
      }
      this.#newLine();
      at = lineEnd + 1;
    }
    this.#position = stop;
    if (end < 0) return undefined;
    this.#step();
    return this.#text.slice(from, stop);
  }

  #advance(length: number): string {
    const text = this.#text.slice(this.#position, this.#position + length);
    this.#position += length;
    this.#column += length;
    return text;
  }

  #newLine(): void {
    this.#line++;
    this.#column = 1;
  }

  #step(): void {
    this.#begin = { line: this.#line, column: this.#column };
  }

  #token(kind: TokenKind, text: string, comments: Comments): Token {
    const end = { line: this.#line, column: this.#column };
    return { kind, text, location: { file: this.#file, begin: this.#begin, end }, comments };
  }
}

/** What aidl's grammar calls the symbols of more than one character. */
const SYMBOL_NAMES: Readonly<Record<string, string>> = {
  '<<': 'LSHIFT',
  '>>': 'RSHIFT',
  '&&': 'LOGICAL_AND',
  '||': 'LOGICAL_OR',
  '<=': 'LEQ',
  '>=': 'GEQ',
  '==': 'EQUALITY',
  '!=': 'NEQ',
};

/** A token's kind as syntax errors name it. */
export function tokenName(kind: TokenKind): string {
  if (['cpp_header', 'ndk_header', 'rust_type'].includes(kind)) {
    return `${kind} (which can also be used as an identifier)`;
  }
  return /^[a-z]/.test(kind) ? kind : (SYMBOL_NAMES[kind] ?? `'${kind}'`);
}
