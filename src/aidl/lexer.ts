import type { Comments } from './comments.ts';
import type { Location, Point } from './source.ts';

/** Words that are tokens of their own; `cpp_header` and its kin can also be used as identifiers. */
const KEYWORDS = new Set([
  ...['parcelable', 'import', 'package', 'in', 'out', 'inout', 'cpp_header', 'ndk_header', 'rust_type'],
  ...['const', 'true', 'false', 'interface', 'oneway', 'enum', 'union'],
]);

const SINGLES = [...'()<>{}[];,.=+-*/%&|^!~'];
const DOUBLES = ['<<', '>>', '&&', '||', '<=', '>=', '==', '!='];

/** `kind` is the keyword or symbol itself, or the name syntax errors use. */
export type TokenKind = string;

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly location: Location;
  /** Those between the token before and this one. */
  readonly comments: Comments;
}

const integer = /[0-9][0-9_]*(?:[lL]|u8|u32|u64)?/y;
// The bar is in aidl's own pattern: `0|1` is one token there, and no number.
const hexadecimal = /0[xX|][0-9a-fA-F_]+(?:[lL]|u8|u32|u64)?/y;
const floating = /[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?f?/y;

const code = (character: string): number => character.charCodeAt(0);
const [NEW_LINE, TAB, RETURN, BLANK] = [code('\n'), code('\t'), code('\r'), code(' ')];
const [SLASH, STAR, QUOTE, APOSTROPHE, AT, DOT] = [
  code('/'),
  code('*'),
  code('"'),
  code("'"),
  code('@'),
  code('.'),
];

/** What a character may be part of, by its code. */
const LETTER = 1;
const DIGIT = 2;
const classes = new Uint8Array(256);
for (const letter of '_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ') classes[code(letter)] = LETTER;
for (const digit of '0123456789') classes[code(digit)] = DIGIT;
const singles: (string | undefined)[] = [];
for (const symbol of SINGLES) singles[code(symbol)] = symbol;
/** Symbols of two characters, by their first and then their second. */
const doubles: (string | undefined)[][] = [];
for (const symbol of DOUBLES) {
  doubles[code(symbol)] ??= [];
  doubles[code(symbol)]![symbol.charCodeAt(1)] = symbol;
}

const NO_COMMENTS: Comments = [];

/** Cuts a source into tokens. The text is one character a byte (Latin-1), since columns count bytes. */
export class Lexer {
  readonly #file: string;
  readonly #text: string;
  #position = 0;
  #line = 1;
  /** Where the current line begins: columns are counted from there. */
  #lineStart = 0;
  /** Where the next token's range begins: where the last token, line or block comment ended. */
  #begin: Point = { line: 1, column: 1 };

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  next(): Token {
    const text = this.#text;
    let comments: string[] | undefined;
    while (this.#position < text.length) {
      const character = text.charCodeAt(this.#position);
      if (character === NEW_LINE) {
        // The range of a token begins behind all the blank lines before it.
        do this.#newLine(this.#position + 1);
        while (text.charCodeAt(this.#position) === NEW_LINE);
        this.#begin = this.#here();
      } else if (character === BLANK || character === TAB || character === RETURN) {
        this.#position++;
      } else if (character === SLASH && text.charCodeAt(this.#position + 1) === SLASH) {
        const end = text.indexOf('\n', this.#position);
        comments ??= [];
        comments.push(this.#take((end < 0 ? text.length : end) - this.#position));
      } else if (character === SLASH && text.charCodeAt(this.#position + 1) === STAR) {
        const comment = this.#blockComment();
        if (comment === undefined) break;
        comments ??= [];
        comments.push(comment);
      } else {
        return this.#match(character, comments ?? NO_COMMENTS);
      }
    }
    return this.#token('end of file', '', comments ?? NO_COMMENTS);
  }

  #match(character: number, comments: Comments): Token {
    const text = this.#text;
    const at = this.#position;
    if (classes[character] === LETTER) {
      const word = this.#take(this.#wordEnd(at) - at);
      return this.#token(KEYWORDS.has(word) ? word : 'identifier', word, comments);
    }
    if (classes[character] === DIGIT || (character === DOT && classes[text.charCodeAt(at + 1)] === DIGIT)) {
      return this.#number(comments);
    }
    if (character === QUOTE) {
      const end = text.indexOf('"', at + 1);
      if (end >= 0) return this.#token('string literal', this.#take(end + 1 - at), comments);
    } else if (character === APOSTROPHE) {
      const closed = text.charCodeAt(at + 2) === APOSTROPHE && text.charCodeAt(at + 1) !== NEW_LINE;
      if (closed) return this.#token('char literal', this.#take(3), comments);
    } else if (character === AT && classes[text.charCodeAt(at + 1)] === LETTER) {
      return this.#token('annotation', this.#take(this.#wordEnd(at + 1) - at).slice(1), comments);
    }
    const symbol = doubles[character]?.[text.charCodeAt(at + 1)] ?? singles[character];
    if (symbol === undefined) return this.#token('unrecognized character', this.#take(1), comments);
    this.#position += symbol.length;
    return this.#token(symbol, symbol, comments);
  }

  #wordEnd(from: number): number {
    let end = from;
    while (classes[this.#text.charCodeAt(end)]! > 0) end++;
    return end;
  }

  /** The longest match wins, and of equals the first, as in lex. */
  #number(comments: Comments): Token {
    const lengths = [this.#length(integer), this.#length(floating), this.#length(hexadecimal)];
    const longest = Math.max(...lengths);
    const kind = ['int literal', 'float literal', 'hex literal'][lengths.indexOf(longest)]!;
    return this.#token(kind, this.#take(longest), comments);
  }

  #length(pattern: RegExp): number {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.#text)?.[0].length ?? 0;
  }

  /** Undefined for a comment that never ends; then all of the text is consumed. */
  #blockComment(): string | undefined {
    const from = this.#position;
    const end = this.#text.indexOf('*/', from + 2);
    const stop = end < 0 ? this.#text.length : end + 2;
    for (
      let at = this.#text.indexOf('\n', from);
      at >= 0 && at < stop;
      at = this.#text.indexOf('\n', at + 1)
    ) {
      this.#newLine(at + 1);
    }
    this.#position = stop;
    if (end < 0) return undefined;
    this.#begin = this.#here();
    return this.#text.slice(from, stop);
  }

  #take(length: number): string {
    const from = this.#position;
    this.#position += length;
    return this.#text.slice(from, this.#position);
  }

  #newLine(start: number): void {
    this.#line++;
    this.#lineStart = start;
    this.#position = start;
  }

  #here(): Point {
    return { line: this.#line, column: this.#position - this.#lineStart + 1 };
  }

  #token(kind: TokenKind, text: string, comments: Comments): Token {
    const begin = this.#begin;
    const end = this.#here();
    this.#begin = end;
    return { kind, text, location: { file: this.#file, begin, end }, comments };
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
