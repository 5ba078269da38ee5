// AIDL files that a seed makes up: most are valid or nearly so, some are files of the corpus with pieces changed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cases } from './corpus.mjs';

export const FILE = 'p/T.aidl';

const sources = cases().map(({ directory, file }) => readFileSync(join(directory, file), 'latin1'));
const INTEGERS = ['0', '1', '-1', '7', '63', '0x7f', '0xff', '255', '32768', '2147483647', '2147483648'];
const LARGE = [
  '0xffffffff',
  '0x80000000',
  '1L',
  '5000000000',
  '1u8',
  '255u8',
  '0xffu8',
  '9223372036854775807',
  '1_000',
];
const OPERATORS = '+ - * / % & | ^ << >> && || < > <= >= == !='.split(' ');
const PRIMITIVES = ['boolean', 'byte', 'char', 'int', 'long', 'float', 'double'];
const OBJECTS = [
  'String',
  'IBinder',
  'ParcelFileDescriptor',
  'N',
  'E',
  'U',
  'ParcelableHolder',
  'FileDescriptor',
];
const GENERICS = [
  'List<String>',
  'List<N>',
  'List<IBinder>',
  'List<int>',
  'Map',
  'List',
  'Map<String,N>',
  'List<E>',
];
const WORDS =
  'in out inout oneway const void int String @nullable @utf8InCpp [] [2] { } ( ) ; , = - ~ 1 A E.X N'.split(
    ' ',
  );

/** @param {{below(n: number): number, one(n: number): boolean, pick<T>(values: T[]): T}} random */
export function generate(random) {
  return random.one(3) ? mutated(random) : written(random);
}

function mutated(random) {
  let text = random.pick(sources).replace(/\b(interface|parcelable|enum|union)\s+\w+/, '$1 T');
  text = /^\s*package/.test(text) ? text.replace(/package\s+[\w.]+/, 'package p') : `package p; ${text}`;
  for (let times = random.below(4); times > 0; times--) {
    const tokens = text.split(/(\s+|\b)/).filter((token) => token !== '');
    const at = random.below(tokens.length);
    const insert = random.pick([[], [` ${random.pick(WORDS)} `], [tokens[random.below(tokens.length)]]]);
    tokens.splice(at, random.below(2), ...insert);
    text = tokens.join('');
  }
  return text;
}

function expression(random, depth = 3) {
  if (depth === 0 || random.one(3)) {
    if (random.one(6)) return random.pick(['A0', 'A1', 'E.X', 'true', 'false', 'N.K', 'p.T.A0']);
    return random.pick(random.one(4) ? LARGE : INTEGERS);
  }
  if (random.one(6)) return random.pick(['-', '~', '!', '+']) + expression(random, depth - 1);
  const text = `${expression(random, depth - 1)} ${random.pick(OPERATORS)} ${expression(random, depth - 1)}`;
  return random.one(2) ? `(${text})` : text;
}

function type(random) {
  const base = random.pick(random.one(2) ? PRIMITIVES : random.one(3) ? GENERICS : OBJECTS);
  const array = random.one(4) ? random.pick(['[]', '[3]', '[2][2]', `[${random.pick(INTEGERS)}]`]) : '';
  const annotation = random.one(6) ? random.pick(['@nullable ', '@utf8InCpp ', '@nullable(heap=true) ']) : '';
  return annotation + base + array;
}

function value(random) {
  if (random.one(8))
    return random.pick(['"a"', "'a'", '"a" + "b"', '1.5f', '-1.5', '{}', '{1, 2, 3}', '{"a"}', 'E.Y']);
  return expression(random);
}

function member(kind, random, index) {
  if (random.one(3)) {
    const of = random.pick(['int', 'long', 'byte', 'String', 'boolean', 'float']);
    return `const ${random.one(2) ? 'int' : of} A${index} = ${value(random)};`;
  }
  if (kind !== 'interface') return `${type(random)} f${index}${random.one(2) ? ` = ${value(random)}` : ''};`;
  const direction = () => random.pick(['in ', 'in ', 'in ', '', 'out ', 'inout ']);
  const list = Array.from({ length: random.below(3) }, (_, i) => `${direction()}${type(random)} a${i}`).join(
    ', ',
  );
  const result = random.one(2) ? 'void' : type(random);
  return `${random.one(6) ? 'oneway ' : ''}${result} m${index}(${list})${random.one(12) ? ` = ${random.below(3)}` : ''};`;
}

function written(random) {
  const kind = random.pick(['interface', 'interface', 'parcelable', 'union', 'enum']);
  const backing = random.one(2) ? `@Backing(type="${random.pick(['byte', 'int', 'long'])}") ` : '';
  const values = (names) =>
    names.map((name) => `${name}${random.one(2) ? ` = ${expression(random, 2)}` : ''}`).join(', ');
  if (kind === 'enum') return `package p; ${backing}enum T { ${values(['A0', 'A1', 'B', 'C'])} }`;
  const members = Array.from({ length: 1 + random.below(5) }, (_, i) => member(kind, random, i));
  members.push(
    'parcelable N { int n; const int K = 3; }',
    `${backing}enum E { X, Y${random.one(3) ? ' = 5' : ''} }`,
  );
  members.push('union U { int a = 1; String b; }');
  const annotation = random.one(6)
    ? random.pick(['@VintfStability ', '@FixedSize ', '@JavaOnlyImmutable ', '@SensitiveData '])
    : '';
  return `package p; ${annotation}${random.one(8) && kind === 'interface' ? 'oneway ' : ''}${kind} T { ${members.join(' ')} }`;
}
