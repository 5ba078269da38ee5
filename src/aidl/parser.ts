import { ANNOTATIONS, annotationSchema } from './annotations.ts';
import type {
  Annotation,
  Argument,
  Constant,
  ConstantDeclaration,
  DefinedKind,
  DefinedType,
  Document,
  Enumerator,
  Field,
  Method,
  TypeSpecifier,
} from './ast.ts';
import { isDefinedType } from './ast.ts';
import type { Comments } from './comments.ts';
import {
  binaryConstant,
  defaultConstant,
  integerConstant,
  plainConstant,
  referenceConstant,
  typeSpecifier,
} from './constant.ts';
import { ConstantParser, startsConstant } from './constant-parser.ts';
import type { Reporter } from './diagnostics.ts';
import { Lexer, type Token } from './lexer.ts';
import { type Location, type Point, span } from './source.ts';
import { ParseAbort, SyntaxFailure, TokenStream } from './token-stream.ts';

/** Types within types, and type arguments within type arguments: no real file comes near. */
const MAX_DEPTH = 100;

const DECLARATIONS = ['parcelable', 'interface', 'enum', 'union'];
const HEADERS = ['cpp_header', 'ndk_header', 'rust_type'];
const IDENTIFIERS = ['identifier', ...HEADERS];

type Header = { name: string; location: Location; comments: Comments };
type Body = Partial<
  Pick<DefinedType, 'members' | 'enumerators' | 'typeParameters' | 'oneway' | 'headers' | 'implicit'>
>;

/**
 * Parses one AIDL file. The text holds one character a byte. Undefined after errors, which the reporter has:
 * several at once, since parsing goes on behind the next `;`.
 */
export function parseDocument(
  file: string,
  text: string,
  reporter: Reporter,
  preprocessed = false,
): Document | undefined {
  const parser = new Parser(file, text, reporter, preprocessed);
  try {
    return parser.document();
  } catch (error) {
    if (error instanceof SyntaxFailure || error instanceof ParseAbort) return undefined;
    throw error;
  }
}

class Parser {
  readonly #file: string;
  readonly #reporter: Reporter;
  readonly #preprocessed: boolean;
  readonly #stream: TokenStream;
  readonly #constants: ConstantParser;
  #package = '';
  #failed = false;
  #depth = 0;
  /** Lists of type arguments that are open: `>>` closes two of them. */
  #openArguments = 0;

  constructor(file: string, text: string, reporter: Reporter, preprocessed: boolean) {
    this.#file = file;
    this.#reporter = reporter;
    this.#preprocessed = preprocessed;
    this.#stream = new TokenStream(new Lexer(file, text), reporter);
    this.#constants = new ConstantParser(this.#stream, reporter, () => this.#qualifiedName());
  }

  document(): Document | undefined {
    let comments: Comments | undefined;
    // The document's place is its package's: warnings about imports point there.
    const start: Point = { line: 1, column: 1 };
    let location: Location = { file: this.#file, begin: start, end: start };
    const keyword = this.#stream.accept('package');
    if (keyword) {
      comments = keyword.comments;
      const name = this.#qualifiedName();
      location = span(keyword.location, this.#stream.expect(';', ['.', ';']).location);
      // Told of the package, not of a place in the file: so does aidl.
      if (this.#preprocessed) this.#error(name.text, "Preprocessed file can't declare package.");
      this.#package = name.text;
    }
    const imports: { name: string; location: Location }[] = [];
    for (let token = this.#stream.accept('import'); token; token = this.#stream.accept('import')) {
      comments ??= token.comments;
      const name = this.#qualifiedName();
      this.#stream.expect(';', ['.', ';']);
      imports.push({ name: name.text, location: name.location });
    }
    const types: DefinedType[] = [];
    do {
      const declaration = this.#declaration(this.#annotations());
      if (declaration) types.push(declaration);
    } while (this.#stream.kind !== 'end of file');
    if (this.#failed || this.#constants.failed) return undefined;
    const document: Document = {
      kind: 'document',
      file: this.#file,
      location,
      comments: comments ?? [],
      package: this.#package,
      imports,
      types,
      preprocessed: this.#preprocessed,
    };
    for (const type of types) type.document = document;
    return document;
  }

  #error(location: Location | string, text: string): void {
    this.#reporter.error(location, text);
    this.#failed = true;
  }

  #identifier(): Token {
    if (IDENTIFIERS.includes(this.#stream.kind)) return this.#stream.next();
    return this.#stream.fail(...IDENTIFIERS);
  }

  /** The name after a type, which could have gone on. */
  #nameOfTyped(): Token {
    if (IDENTIFIERS.includes(this.#stream.kind)) return this.#stream.next();
    return this.#stream.fail('annotation', '[');
  }

  #qualifiedName(): { text: string; location: Location; comments: Comments } {
    const first = this.#identifier();
    if (this.#stream.kind !== '.') return first;
    let { text, location } = first;
    while (this.#stream.accept('.')) {
      const next = this.#identifier();
      text += `.${next.text}`;
      location = span(location, next.location);
    }
    return { text, location, comments: first.comments };
  }

  // ---- Annotations ------------------------------------------------------------------------------------

  #annotations(): Annotation[] {
    const annotations: Annotation[] = [];
    while (this.#stream.kind === 'annotation') {
      const annotation = this.#annotation();
      if (annotation) annotations.push(annotation);
    }
    return annotations;
  }

  #annotation(): Annotation | undefined {
    const token = this.#stream.next();
    const parameters = new Map<string, Constant>();
    let location = token.location;
    if (this.#stream.accept('(')) {
      const listed = this.#annotationParameters(parameters);
      location = span(location, this.#stream.expect(')', listed).location);
    }
    const schema = annotationSchema(token.text);
    if (!schema) {
      const names = ANNOTATIONS.map(({ name }) => name).join(' ');
      this.#error(location, `'${token.text}' is not a recognized annotation. It must be one of: ${names}.`);
      return undefined;
    }
    return { kind: 'annotation', name: schema.name, schema, parameters, location, comments: token.comments };
  }

  /** Returns what a syntax error lists behind them: an expression could go on in many ways. */
  #annotationParameters(parameters: Map<string, Constant>): string[] {
    if (!startsConstant(this.#stream.kind)) return [')'];
    if (!IDENTIFIERS.includes(this.#stream.kind) || this.#stream.peek().kind !== '=') {
      parameters.set('value', this.#constants.parse().constant);
      return [];
    }
    do {
      const name = this.#identifier();
      this.#stream.expect('=');
      const value = this.#constants.parse();
      if (parameters.has(name.text)) {
        this.#error(span(name.location, value.location), `Trying to redefine parameter ${name.text}.`);
      } else {
        parameters.set(name.text, value.constant);
      }
    } while (this.#stream.accept(','));
    return [')'];
  }

  // ---- Types ------------------------------------------------------------------------------------------

  #annotatedType(): TypeSpecifier {
    const begin = this.#stream.end;
    return this.#type(this.#annotations(), begin);
  }

  /** @param begin where the annotations begin, if there are any */
  #type(annotations: Annotation[], begin: Point): TypeSpecifier {
    if (!IDENTIFIERS.includes(this.#stream.kind)) this.#stream.fail();
    const name = this.#qualifiedName();
    const type = typeSpecifier(name.location, name.text);
    type.comments = annotations[0]?.comments ?? name.comments;
    type.annotations = annotations;
    while (this.#stream.accept('<')) {
      const parameters = this.#typeArguments();
      if (type.parameters) this.#error(type.location, 'Can only specify one set of type parameters.');
      type.parameters ??= parameters;
    }
    const sizes: Constant[] = [];
    for (;;) {
      const before = this.#stream.end;
      const arrayAnnotations = this.#annotations();
      const after = this.#stream.end;
      if (!this.#stream.accept('[')) {
        if (arrayAnnotations.length > 0) this.#stream.fail('annotation', '[');
        return type;
      }
      const size = this.#stream.kind === ']' ? undefined : this.#constants.parse().constant;
      this.#stream.expect(']', []);
      if (arrayAnnotations.length > 0) {
        const location = { file: this.#file, begin: before, end: after };
        this.#error(location, 'Annotations for arrays are not supported.');
      }
      if (size) sizes.push(size);
      if (!type.array) {
        type.array = { dimensions: size ? sizes : 'dynamic' };
      } else if (!size || type.array.dimensions === 'dynamic') {
        const shape = { file: this.#file, begin, end: before };
        this.#error(shape, 'Multi-dimensional arrays must be fixed size.');
      }
    }
  }

  #typeArguments(): TypeSpecifier[] {
    this.#enter();
    this.#openArguments++;
    const types: TypeSpecifier[] = [];
    do {
      const begin = this.#stream.end;
      const type = this.#annotatedType();
      // aidl looks at the first alone: Map<String, @nullable String> passes.
      if (types.length === 0 && type.annotations.length > 0) {
        this.#error(this.#stream.since(begin), 'Annotations for type arguments are not supported.');
      }
      types.push(type);
    } while (this.#stream.accept(','));
    this.#depth--;
    this.#openArguments--;
    const isInner = this.#openArguments > 0;
    if (this.#stream.kind === '>>' && isInner) this.#stream.splitShift();
    else this.#stream.expect('>', isInner ? [',', '>', '>>'] : [',', '>']);
    return types;
  }

  #enter(): void {
    if (++this.#depth <= MAX_DEPTH) return;
    this.#error(this.#stream.token.location, `Types nest too deeply: more than ${MAX_DEPTH} levels`);
    throw new ParseAbort();
  }

  // ---- Declarations -----------------------------------------------------------------------------------

  /** Undefined where the declaration has errors. */
  #declaration(annotations: Annotation[]): DefinedType | undefined {
    const type = this.#unannotated(annotations);
    if (type && annotations.length > 0) {
      type.annotations = annotations;
      type.comments = annotations[0]!.comments;
    }
    return type;
  }

  #unannotated(annotations: readonly Annotation[]): DefinedType | undefined {
    const { kind } = this.#stream;
    if (kind === 'parcelable') return this.#parcelable();
    if (kind === 'interface') return this.#interface();
    if (kind === 'enum') return this.#enum();
    if (kind === 'union') return this.#union(annotations);
    const oneway = this.#stream.accept('oneway');
    if (oneway) return this.#interface(oneway);
    return this.#stream.fail();
  }

  #define(kind: DefinedKind, header: Header, body: Body): DefinedType {
    const dot = this.#package === '' ? header.name.lastIndexOf('.') : -1;
    const type: DefinedType = {
      kind,
      name: header.name.slice(dot + 1),
      package: dot < 0 ? this.#package : header.name.slice(0, dot),
      location: header.location,
      comments: header.comments,
      annotations: [],
      members: [],
      enumerators: [],
      typeParameters: undefined,
      oneway: false,
      implicit: false,
      headers: {},
      parent: undefined,
      document: undefined,
      backing: undefined,
      ...body,
    };
    for (const member of type.members) if (isDefinedType(member)) member.parent = type;
    return type;
  }

  #checkName({ text, location }: { text: string; location: Location }): void {
    if (this.#preprocessed || !text.includes('.')) return;
    this.#error(location, "Type name can't be qualified. Use `package`.");
  }

  #parcelable(): DefinedType | undefined {
    const keyword = this.#stream.next();
    try {
      const name = this.#qualifiedName();
      const header = { name: name.text, location: name.location, comments: keyword.comments };
      const typeParameters = this.#typeParameters();
      if (this.#stream.kind === '{') {
        const members = this.#members(() => this.#parcelableMember());
        this.#checkName(name);
        return this.#define('parcelable', header, { members, typeParameters });
      }
      const headers: { cpp?: string; ndk?: string; rust?: string } = {};
      while (HEADERS.includes(this.#stream.kind)) {
        const language = this.#stream.next().kind.split('_')[0] as 'cpp' | 'ndk' | 'rust';
        headers[language] = this.#stream.expect('string literal').text.slice(1, -1);
      }
      this.#stream.expect(';', [';', ...HEADERS]);
      return this.#define('unstructured', header, { headers, typeParameters });
    } catch (error) {
      if (!(error instanceof SyntaxFailure)) throw error;
      this.#failed = true;
      this.#stream.recover(';');
      return undefined;
    }
  }

  #typeParameters(): string[] | undefined {
    if (!this.#stream.accept('<')) return undefined;
    const names: string[] = [];
    do names.push(this.#identifier().text);
    while (this.#stream.accept(','));
    this.#stream.expect('>', [',', '>']);
    return names;
  }

  #interface(oneway?: Token): DefinedType | undefined {
    const keyword = this.#stream.expect('interface');
    const comments = (oneway ?? keyword).comments;
    let name: { text: string; location: Location };
    try {
      name = this.#qualifiedName();
      const ends = oneway ? ['{'] : ['{', ';'];
      if (!ends.includes(this.#stream.kind)) this.#stream.fail('.', ...ends);
    } catch (error) {
      if (!(error instanceof SyntaxFailure) || oneway) throw error;
      this.#failed = true;
      this.#membersFrom(this.#stream.recover('{'), () => this.#interfaceMember());
      return undefined;
    }
    const header = { name: name.text, location: keyword.location, comments };
    const members = this.#stream.accept(';') ? [] : this.#members(() => this.#interfaceMember());
    this.#checkName(name);
    if (oneway) for (const member of members) if (member.kind === 'method') member.oneway = true;
    return this.#define('interface', header, { members, oneway: oneway !== undefined });
  }

  #union(annotations: readonly Annotation[]): DefinedType {
    const keyword = this.#stream.next();
    const name = this.#qualifiedName();
    const typeParameters = this.#typeParameters();
    const members = this.#members(() => this.#parcelableMember());
    this.#checkName(name);
    const header = { name: name.text, location: name.location, comments: keyword.comments };
    const tag = this.#unionTag(name.location, members, annotations);
    return this.#define('union', header, { members: [...members, tag], typeParameters });
  }

  /** The enum that names a union's members, as `U.Tag.member`. */
  #unionTag(
    location: Location,
    members: DefinedType['members'],
    annotations: readonly Annotation[],
  ): DefinedType {
    const enumerators: Enumerator[] = [];
    for (const member of members) {
      if (member.kind !== 'field') continue;
      const { name } = member;
      const value = nextValue(location, enumerators.at(-1));
      enumerators.push({ kind: 'enumerator', name, location, comments: [], value, valueWritten: false });
    }
    const fixed = annotations.some(({ name }) => name === 'FixedSize');
    const backing: Annotation = {
      kind: 'annotation',
      name: 'Backing',
      schema: annotationSchema('Backing')!,
      parameters: new Map([['type', plainConstant('string', location, fixed ? '"byte"' : '"int"')]]),
      location,
      comments: [],
    };
    const header = { name: 'Tag', location, comments: [] };
    const tag = this.#define('enum', header, { enumerators, implicit: true });
    tag.annotations = [backing];
    return tag;
  }

  #enum(): DefinedType {
    const keyword = this.#stream.next();
    const name = this.#qualifiedName();
    this.#stream.expect('{', ['.', '{']);
    const enumerators: Enumerator[] = [];
    do {
      // Behind a comma there could be the end, which makes too many to list.
      if (enumerators.length > 0 && !IDENTIFIERS.includes(this.#stream.kind)) this.#stream.fail();
      const token = this.#identifier();
      const written = this.#stream.accept('=') ? this.#constants.parse().constant : undefined;
      const value = written ?? nextValue(token.location, enumerators.at(-1));
      enumerators.push({
        kind: 'enumerator',
        name: token.text,
        location: token.location,
        comments: token.comments,
        value,
        valueWritten: written !== undefined,
      });
    } while (this.#stream.accept(',') && this.#stream.kind !== '}');
    this.#stream.expect('}', [',', '}']);
    this.#checkName(name);
    const header = { name: name.text, location: name.location, comments: keyword.comments };
    return this.#define('enum', header, { enumerators });
  }

  // ---- Members ----------------------------------------------------------------------------------------

  #members<T>(member: () => T | undefined): T[] {
    return this.#membersFrom(this.#stream.expect('{'), member);
  }

  #membersFrom<T>(_open: Token, member: () => T | undefined): T[] {
    this.#enter();
    const depth = this.#depth;
    const members: T[] = [];
    while (!this.#stream.accept('}')) {
      try {
        const parsed = member();
        if (parsed) members.push(parsed);
      } catch (error) {
        if (!(error instanceof SyntaxFailure)) throw error;
        this.#failed = true;
        this.#stream.recover(';');
        this.#depth = depth;
        this.#openArguments = 0;
      }
    }
    this.#depth--;
    return members;
  }

  #startsDeclaration(): boolean {
    return DECLARATIONS.includes(this.#stream.kind);
  }

  #parcelableMember(): Field | ConstantDeclaration | DefinedType | undefined {
    const begin = this.#stream.end;
    const annotations = this.#annotations();
    if (this.#startsDeclaration() || this.#stream.kind === 'oneway') return this.#declaration(annotations);
    if (this.#stream.kind === 'const') return this.#constant(annotations);
    const type = this.#type(annotations, begin);
    const name = this.#nameOfTyped();
    const written = this.#stream.accept('=') ? this.#constants.parse().constant : undefined;
    if (!this.#stream.accept(';')) this.#stream.fail(...(written ? [] : ['=', ';']));
    return {
      kind: 'field',
      name: name.text,
      location: name.location,
      comments: type.comments,
      type,
      value: written ?? defaultConstant(type),
      valueWritten: written !== undefined,
    };
  }

  #constant(annotations: Annotation[]): ConstantDeclaration {
    const keyword = this.#stream.next();
    const type = this.#annotatedType();
    const name = this.#nameOfTyped();
    this.#stream.expect('=');
    const value = this.#constants.parse().constant;
    this.#stream.expect(';', []);
    type.comments = annotations[0]?.comments ?? keyword.comments;
    type.annotations.push(...annotations);
    const comments = type.comments;
    return { kind: 'constant', name: name.text, location: name.location, comments, type, value };
  }

  #interfaceMember(): Method | ConstantDeclaration | DefinedType | undefined {
    const begin = this.#stream.end;
    const annotations = this.#annotations();
    const onewayInterface = this.#stream.kind === 'oneway' && this.#stream.peek().kind === 'interface';
    if (onewayInterface || this.#startsDeclaration()) return this.#declaration(annotations);
    if (this.#stream.kind === 'const') return this.#constant(annotations);
    const oneway = this.#stream.accept('oneway');
    const type = oneway ? this.#annotatedType() : this.#type(annotations, begin);
    const name = this.#nameOfTyped();
    this.#stream.expect('(');
    const args: Argument[] = [];
    if (!this.#stream.accept(')')) {
      do args.push(this.#argument());
      while (this.#stream.accept(','));
      this.#stream.expect(')');
    }
    let id: number | undefined;
    if (this.#stream.accept('=')) {
      const token = this.#stream.expect('int literal');
      id = Number(token.text);
      this.#stream.expect(';');
      if (!/^[0-9]+$/.test(token.text) || id >= 2 ** 31) {
        this.#error(token.location, `Could not parse int value: ${token.text}`);
      }
    } else if (!this.#stream.accept(';')) {
      this.#stream.fail('=', ';');
    }
    const comments = annotations[0]?.comments ?? (oneway ? oneway.comments : type.comments);
    if (oneway) type.annotations.push(...annotations);
    return {
      kind: 'method',
      name: name.text,
      location: name.location,
      comments,
      oneway: oneway !== undefined,
      onewayWritten: oneway !== undefined,
      type,
      arguments: args,
      id: id ?? 0,
      idWritten: id !== undefined,
    };
  }

  #argument(): Argument {
    const written = ['in', 'out', 'inout'].includes(this.#stream.kind) ? this.#stream.next() : undefined;
    const type = this.#annotatedType();
    const name = this.#nameOfTyped();
    return {
      kind: 'argument',
      name: name.text,
      location: name.location,
      comments: type.comments,
      type,
      direction: (written?.kind ?? 'in') as Argument['direction'],
      directionWritten: written !== undefined,
    };
  }
}

/** An enumerator without a value is one more than the one before it. */
function nextValue(location: Location, previous: Enumerator | undefined): Constant {
  if (!previous) return integerConstant(location, '0')!;
  return binaryConstant(
    location,
    referenceConstant(location, previous.name),
    '+',
    integerConstant(location, '1')!,
  );
}
