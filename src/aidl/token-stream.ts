import type { Reporter } from './diagnostics.ts';
import { type Lexer, type Token, type TokenKind, tokenName } from './lexer.ts';
import type { Location, Point } from './source.ts';

/** Thrown at a token that fits no rule; caught where the grammar can go on. */
export class SyntaxFailure extends Error {}

/** One for all: a file of garbage fails a million times, and nobody reads the stack. */
const failure = new SyntaxFailure();

/** Thrown where the rest of the file cannot be read. */
export class ParseAbort extends Error {}

/** The tokens of a file, one ahead, with the recovery of a yacc parser. */
export class TokenStream {
  readonly #lexer: Lexer;
  readonly #reporter: Reporter;
  #current: Token;
  #ahead: Token | undefined;
  /** Where the last consumed token ended: the place of what is left out. */
  #end: Point = { line: 1, column: 1 };
  /** Errors are told again only after three tokens that fit: the rest is mostly fallout. */
  #quiet = 0;

  constructor(lexer: Lexer, reporter: Reporter) {
    this.#lexer = lexer;
    this.#reporter = reporter;
    this.#current = lexer.next();
  }

  get kind(): TokenKind {
    return this.#current.kind;
  }

  get token(): Token {
    return this.#current;
  }

  get end(): Point {
    return this.#end;
  }

  /** The token after the current one. */
  peek(): Token {
    this.#ahead ??= this.#lexer.next();
    return this.#ahead;
  }

  next(): Token {
    const token = this.#current;
    this.#end = token.location.end;
    this.#current = this.#ahead ?? this.#lexer.next();
    this.#ahead = undefined;
    if (this.#quiet > 0) this.#quiet--;
    return token;
  }

  accept(kind: TokenKind): Token | undefined {
    return this.kind === kind ? this.next() : undefined;
  }

  /** @param possible what a syntax error names: all that could have stood here */
  expect(kind: TokenKind, possible: readonly TokenKind[] = [kind]): Token {
    return this.kind === kind ? this.next() : this.fail(...possible);
  }

  /** Splits `>>` where it closes two lists of type arguments: the second half stays current. */
  splitShift(): void {
    const { location, comments } = this.#current;
    const middle: Point = { line: location.end.line, column: location.end.column - 1 };
    this.#end = middle;
    this.#current = { kind: '>', text: '>', location: { ...location, begin: middle }, comments };
  }

  /** @param possible what could have stood here; nothing where that is more than aidl's parser lists, which is four */
  fail(...possible: readonly TokenKind[]): never {
    if (this.#quiet === 0) {
      const wanted = possible.length > 0 ? `, expecting ${possible.map(tokenName).join(' or ')}` : '';
      this.#reporter.error(
        this.#current.location,
        `syntax error, unexpected ${tokenName(this.kind)}${wanted}`,
      );
    }
    throw failure;
  }

  /** Skips to the token at which a rule can go on after an error, and takes it. */
  recover(kind: TokenKind): Token {
    if (this.#reporter.isFull) throw new ParseAbort();
    this.#quiet = 3;
    while (this.kind !== kind) {
      if (this.kind === 'end of file') throw new ParseAbort();
      this.next();
      this.#quiet = 3;
    }
    return this.next();
  }

  /** From where the next token could have begun to where the last one ended. */
  since(begin: Point): Location {
    return { file: this.#current.location.file, begin, end: this.#end };
  }
}
