/**
 * Text that knows where its lines may break: groups stay on one line where they fit, else all their breaks are taken
 * (after Wadler, "A prettier printer"). What generated code is laid out with.
 */
export type Doc = string | readonly Doc[] | Group | Indent | Line | IfBroken | Choice;

interface Group {
  readonly kind: 'group';
  readonly doc: Doc;
  readonly isBroken: boolean;
}

interface Indent {
  readonly kind: 'indent';
  readonly doc: Doc;
}

interface Line {
  readonly kind: 'line';
  /** What stands there where the line is not broken; null: it always is. */
  readonly flat: string | null;
}

interface IfBroken {
  readonly kind: 'ifBroken';
  readonly text: string;
}

/** The first where `probe` fits up to its first break, else the second. */
interface Choice {
  readonly kind: 'choice';
  readonly probe: Doc;
  readonly preferred: Doc;
  readonly otherwise: Doc;
}

/** Beyond this column lines break where they can. */
const WIDTH = 110;

export const line: Line = { kind: 'line', flat: ' ' };
export const softLine: Line = { kind: 'line', flat: '' };
export const hardLine: Line = { kind: 'line', flat: null };
export const ifBroken = (text: string): IfBroken => ({ kind: 'ifBroken', text });
const trailingComma = ifBroken(',');

export const indent = (doc: Doc): Doc => ({ kind: 'indent', doc });
export const group = (doc: Doc): Doc => ({ kind: 'group', doc, isBroken: hasHardLine(doc) });

export function join(separator: Doc, docs: readonly Doc[]): Doc {
  return docs.flatMap((doc, i) => (i === 0 ? [doc] : [separator, doc]));
}

/** `{ a: 1, b: 2 }`; over several lines where it must or is asked to. */
export function object(entries: readonly Doc[], isExpanded = false): Doc {
  if (entries.length === 0) return '{}';
  const first = isExpanded ? hardLine : line;
  return group(['{', indent([first, join([',', line], entries), trailingComma]), line, '}']);
}

/** `{ a: number; b: string }` */
export function typeLiteral(members: readonly Doc[]): Doc {
  return group(['{', indent([line, join([';', line], members), ifBroken(';')]), line, '}']);
}

/** `key: A | B;`; the alternatives get a line each where one line is too short. */
export function property(key: string, type: string): Doc {
  const parts = alternatives(type);
  if (parts.length === 1) return `${key}: ${type};`;
  return [`${key}:`, group(indent([line, ifBroken('| '), join([line, '| '], parts)])), ';'];
}

/** The parts of a union that are not within something else. */
function alternatives(type: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  for (const part of type.split(' | ')) {
    if (depth === 0) parts.push(part);
    else parts.push(`${parts.pop()} | ${part}`);
    for (const character of part) depth += '<(['.includes(character) ? 1 : '>)]'.includes(character) ? -1 : 0;
  }
  return parts;
}

/** `[a, b]`; several elements that are arrays of several elements get a line each. */
export function array(elements: readonly Doc[], isExpanded = false): Doc {
  if (elements.length === 0) return '[]';
  const first = isExpanded ? hardLine : softLine;
  return group(['[', indent([first, join([',', line], elements), trailingComma]), softLine, ']']);
}

/** `(a, b)`, to be put into a group with what belongs to it. */
export function parameters(docs: readonly Doc[]): Doc {
  return ['(', indent([softLine, join([',', line], docs), trailingComma]), softLine, ')'];
}

/** `name(a, {` … `})`: the last argument, which has lines of its own, begins on the call's line if it can. */
export function call(name: string, first: readonly Doc[], last: Doc): Doc {
  const preferred = [name, '(', join(', ', [...first, last]), ')'];
  return { kind: 'choice', probe: preferred, preferred, otherwise: brokenCall(name, [...first, last]) };
}

/** `name(`, an argument a line, `)` */
export function brokenCall(name: string, args: readonly Doc[]): Doc {
  return [name, '(', indent(args.map((doc) => [hardLine, doc, ','])), hardLine, ')'];
}

/** `target = name(` …, a call; it begins a line of its own where even its name does not fit. */
export function assignment(target: string, name: string, value: Doc): Doc {
  return {
    kind: 'choice',
    probe: [target, ' = ', name, '(', hardLine],
    preferred: [target, ' = ', value],
    otherwise: [target, ' =', indent([hardLine, value])],
  };
}

/** `name {` members, a line each `}` */
export function block(head: Doc, members: readonly Doc[]): Doc {
  if (members.length === 0) return [head, ' {}'];
  return [head, ' {', indent(members.map((member) => [hardLine, member])), hardLine, '}'];
}

function hasHardLine(doc: Doc): boolean {
  if (typeof doc === 'string') return false;
  if (isList(doc)) return doc.some(hasHardLine);
  if (doc.kind === 'group') return doc.isBroken;
  if (doc.kind === 'indent') return hasHardLine(doc.doc);
  if (doc.kind === 'choice') return hasHardLine(doc.preferred);
  return doc.kind === 'line' && doc.flat === null;
}

function isList(doc: Exclude<Doc, string>): doc is readonly Doc[] {
  return Array.isArray(doc);
}

interface Piece {
  readonly doc: Doc;
  readonly indent: number;
  readonly isFlat: boolean;
}

/** The text of a document, without blanks at the ends of lines. */
export function render(doc: Doc): string {
  const lines: string[] = [];
  let line = '';
  let column = 0;
  const stack: Piece[] = [{ doc, indent: 0, isFlat: false }];
  for (let piece = stack.pop(); piece; piece = stack.pop()) {
    const { doc: at, indent: by, isFlat } = piece;
    if (typeof at === 'string') {
      line += at;
      column += at.length;
    } else if (isList(at)) {
      for (let i = at.length - 1; i >= 0; i--) stack.push({ doc: at[i] as Doc, indent: by, isFlat });
    } else if (at.kind === 'indent') {
      stack.push({ doc: at.doc, indent: by + 2, isFlat });
    } else if (at.kind === 'ifBroken') {
      if (!isFlat) line += at.text;
    } else if (at.kind === 'group') {
      const fitting = isFlat || (!at.isBroken && fits(at.doc, stack, WIDTH - column));
      stack.push({ doc: at.doc, indent: by, isFlat: fitting });
    } else if (at.kind === 'choice') {
      const { probe, preferred, otherwise } = at;
      const fitting = fits(probe, stack, WIDTH - column, false);
      stack.push({ doc: fitting ? preferred : otherwise, indent: by, isFlat });
    } else if (isFlat && at.flat !== null) {
      line += at.flat;
      column += at.flat.length;
    } else {
      lines.push(line.trimEnd());
      line = ' '.repeat(by);
      column = by;
    }
  }
  lines.push(line);
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Whether a group and what follows it up to the next break have room on the line. */
function fits(doc: Doc, rest: readonly Piece[], room: number, asFlat = true): boolean {
  const stack: Piece[] = [{ doc, indent: 0, isFlat: asFlat }];
  let left = room;
  for (let next = rest.length - 1; ; ) {
    let piece = stack.pop();
    if (!piece) {
      if (next < 0) return true;
      piece = rest[next--] as Piece;
    }
    const { doc: at, isFlat } = piece;
    if (typeof at === 'string') {
      left -= at.length;
      if (left < 0) return false;
    } else if (isList(at)) {
      for (let i = at.length - 1; i >= 0; i--) stack.push({ ...piece, doc: at[i] as Doc });
    } else if (at.kind === 'indent') {
      stack.push({ ...piece, doc: at.doc });
    } else if (at.kind === 'group') {
      stack.push({ ...piece, doc: at.doc, isFlat: !at.isBroken && (isFlat || !asFlat) });
    } else if (at.kind === 'choice') {
      stack.push({ ...piece, doc: at.preferred });
    } else if (at.kind === 'line') {
      if (!isFlat || at.flat === null) return true;
      left -= at.flat.length;
    } else if (!isFlat) {
      left -= at.text.length;
    }
  }
}
