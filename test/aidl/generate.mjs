// AIDL files that a seed makes up: most are valid, some have one part that may not be, some are such files or
// files of the corpus with pieces changed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cases } from './corpus.mjs';

export const FILE = 'p/T.aidl';
/** What the file may import, or use without, by path. */
export const OTHERS = {
  'p/O.aidl':
    'package p; parcelable O { int o = 1; const int K = 1 + 4; const String S = "s"; @Backing(type="int") enum M { A = 2, B } }\n',
  'p/V.aidl': 'package p; parcelable V cpp_header "v.h";\n',
  'p/W.aidl': 'package p; @VintfStability parcelable W { @nullable String w; }\n',
};
/** Options of aidl's. Those of a version change nothing of what is compared here, and must not. */
const OPTIONS = [
  ...[[], [], [], []],
  ...[['--structured'], ['--structured'], ['--structured', '--stability=vintf'], ['--stability=vintf']],
  ...[
    ['--version=3'],
    ['--version=2', '--hash=0123abcd', '--structured'],
    ['--hash=notfrozen', '--version=1'],
  ],
  ...[
    ['-Weverything'],
    ['-Weverything', '-Werror'],
    ['-Wout-array', '-Winout-parameter'],
    ['-Weverything', '-w'],
  ],
  ...[['-b'], ['-Wmixed-oneway', '-Wno-mixed-oneway'], ['-Werror', '-Wconst-name', '-Wno-error=const-name']],
];

/** @typedef {{below(n: number): number, one(n: number): boolean, pick<T>(values: T[]): T}} Random */

const sources = cases().map(({ directory, file }) => readFileSync(join(directory, file), 'latin1'));
const WORDS =
  'in out inout oneway const void int String @nullable @utf8InCpp [] [2] { } ( ) ; , = - ~ 1 A E.X N'.split(
    ' ',
  );

/** @param {Random} random @returns {{text: string, options: string[]}} */
export function generate(random) {
  const options = random.pick(OPTIONS);
  if (!random.one(4)) return { text: written(random), options };
  return { text: mutated(random, random.one(2) ? written(random) : ofCorpus(random.pick(sources))), options };
}

/** The file, as p/T.aidl. */
function ofCorpus(source) {
  const text = source.replace(/\b(interface|parcelable|enum|union)\s+\w+/, '$1 T');
  return /^\s*package/.test(text) ? text.replace(/package\s+[\w.]+/, 'package p') : `package p; ${text}`;
}

function mutated(random, source) {
  let text = source;
  for (let times = random.below(4); times > 0; times--) {
    const tokens = text.split(/(\s+|\b)/).filter((token) => token !== '');
    const at = random.below(tokens.length);
    const insert = random.pick([[], [` ${random.pick(WORDS)} `], [tokens[random.below(tokens.length)]]]);
    tokens.splice(at, random.below(2), ...insert);
    text = tokens.join('');
  }
  return text;
}

// ---- Constants: each expression with its value, so that it stays in range --------------------------------

const limit = (bits) => 1n << BigInt(bits - 1);
const fits = (value, bits) => value >= -limit(bits) && value < limit(bits);

/** {text, value, bits}: 8, 32 or 64 bits, as aidl types literals. */
function leaf(random, names) {
  if (names.length > 0 && random.one(4)) return random.pick(names);
  switch (random.below(8)) {
    case 0:
      return random.pick([
        { text: '0xff', value: 255n, bits: 32 },
        { text: '0x7F', value: 127n, bits: 32 },
        { text: '0xffffffff', value: -1n, bits: 32 },
        { text: '0x80000000', value: -(1n << 31n), bits: 32 },
        { text: '0xffffffffffffffff', value: -1n, bits: 64 },
        { text: '0x100000000', value: 1n << 32n, bits: 64 },
        { text: '0xFu64', value: 15n, bits: 32 },
        { text: '0x1ffffffffu32', value: (1n << 33n) - 1n, bits: 64 },
      ]);
    case 1:
      return random.pick([
        { text: '255u8', value: -1n, bits: 8 },
        { text: '0xffu8', value: -1n, bits: 8 },
        { text: '4294967295u32', value: -1n, bits: 32 },
        { text: '1L', value: 1n, bits: 64 },
        { text: '7l', value: 7n, bits: 64 },
        { text: '1_000', value: 1000n, bits: 32 },
        { text: '9223372036854775807', value: limit(64) - 1n, bits: 64 },
        { text: '2147483648', value: limit(32), bits: 64 },
        { text: '2147483647', value: limit(32) - 1n, bits: 32 },
        { text: '127', value: 127n, bits: 8 },
        { text: '128', value: 128n, bits: 32 },
      ]);
    case 2:
      return random.one(2) ? { text: 'true', value: 1n, bits: 1 } : { text: 'false', value: 0n, bits: 1 };
    default: {
      const value = random.below(random.pick([2, 10, 100, 100_000]));
      return { text: `${value}`, value: BigInt(value), bits: value < 128 ? 8 : 32 };
    }
  }
}

const COMPUTE = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0n ? undefined : a / b),
  '%': (a, b) => (b === 0n ? undefined : a % b),
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => (a < 0n || b < 0n || b > 20n ? undefined : a << b),
  '>>': (a, b) => (a < 0n || b < 0n || b > 20n ? undefined : a >> b),
};
const COMPARE = {
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '&&': (a, b) => a !== 0n && b !== 0n,
  '||': (a, b) => a !== 0n || b !== 0n,
};

function integer(random, names, depth = 3) {
  if (depth === 0 || random.one(3)) return leaf(random, names);
  if (random.one(5)) return unary(random, integer(random, names, depth - 1));
  const [left, right] = [integer(random, names, depth - 1), integer(random, names, depth - 1)];
  const blank = random.pick(['', ' ']);
  // Parentheses around operands keep the value that was computed; those around all are for show.
  const text = (operator) => `(${left.text})${blank}${operator}${blank}(${right.text})`;
  if (random.one(4)) {
    const operator = random.pick(Object.keys(COMPARE));
    return {
      text: `(${text(operator)})`,
      value: COMPARE[operator](left.value, right.value) ? 1n : 0n,
      bits: 1,
    };
  }
  const operator = random.pick(Object.keys(COMPUTE));
  const bits = Math.max(32, left.bits, right.bits);
  const value = COMPUTE[operator](left.value, right.value);
  if (value === undefined || !fits(value, bits)) return left;
  return { text: random.one(2) ? text(operator) : `(${text(operator)})`, value, bits };
}

function unary(random, { text, value, bits }) {
  const operator = random.pick(bits === 1 ? ['+', '!'] : ['+', '-', '~', '!']);
  const results = { '+': value, '-': -value, '~': ~value, '!': value === 0n ? 1n : 0n };
  if (!fits(results[operator], Math.max(8, bits))) return { text, value, bits };
  return { text: `${operator}(${text})`, value: results[operator], bits };
}

/** An expression of the type's range, with its value. */
function integerOf(random, bits, names) {
  for (let tries = 0; tries < 4; tries++) {
    const found = integer(random, names);
    if (fits(found.value, bits)) return found;
  }
  const value = random.below(100);
  return { text: `${value}`, value: BigInt(value), bits: 8 };
}

const STRINGS = ['"a"', '""', '"a b"', '"\'"', '"//"', '"a" + "b"', '("x") + "" + "y"', 'O.S', 'O.S + "t"'];

/** A number with a point, as a double takes it. */
function decimal(random) {
  const sign = random.pick(['', '', '-', '+']);
  if (random.one(3)) {
    // What ends in the middle between two sixth decimals.
    return `${sign}${random.below(1000)}.${`${random.below(128) * 78125}`.padStart(7, '0')}`;
  }
  const digits = `${random.below(1000)}`.repeat(1 + random.below(4));
  const point = random.pick(['.5', '.125', `.${random.below(1_000_000)}`, '']);
  return `${sign}${digits}${point}${random.pick(['', '', `e${random.below(25)}`, `E-${random.below(20)}`])}`;
}

/** A value that the type takes. */
function valueFor(random, type, names) {
  if (type.endsWith(']')) {
    const element = type.replace(/\[\d*\]/, '').replace(/ /g, '');
    const size = /\[(\d+)\]/.exec(type)?.[1];
    const count = size === undefined ? random.below(4) : Number(size);
    const inner = /\[\d+\]\[/.test(type) ? `${element}` : element;
    return `{${Array.from({ length: count }, () => valueFor(random, inner, names)).join(', ')}}`;
  }
  switch (type) {
    case 'boolean':
      return random.one(2) ? random.pick(['true', 'false', '!true']) : integerOf(random, 64, names).text;
    case 'byte':
      return integerOf(random, 8, names).text;
    case 'int':
      return integerOf(random, 32, names).text;
    case 'long':
      return integerOf(random, 64, names).text;
    case 'float':
      return random.pick(['-0f', '.5f', '3.4e38f', `${decimal(random)}f`, `${decimal(random)}f`]);
    case 'double':
      return random.pick(['-0.0', '.5', '1e300', '2.5f', decimal(random), decimal(random)]);
    case 'char':
      return random.pick(["'a'", "' '", "'/'", "'~'"]);
    case 'String':
      return random.pick(STRINGS);
    case 'E':
      return random.pick(['E.X', 'E.Y', 'E.Z']);
    case 'O.M':
      return random.pick(['O.M.A', 'O.M.B']);
    default:
      throw new Error(`no value of ${type}`);
  }
}

// ---- Types ----------------------------------------------------------------------------------------------

const PRIMITIVES = ['boolean', 'byte', 'char', 'int', 'long', 'float', 'double'];
const OBJECTS = ['N', 'U', 'O', 'W', 'V', 'IBinder', 'ParcelFileDescriptor', 'J', 'G<String,N>', 'G<N[],J>'];
const LISTS = [
  'List<String>',
  'List<N>',
  'List<IBinder>',
  'List<ParcelFileDescriptor>',
  'List<J>',
  'List<U>',
  'List<O>',
  'List<G<String,U>>',
  'java.util.List<String>',
];
/** What is allowed in few places, or nowhere. */
const RARE = [
  ...[
    'ParcelableHolder',
    'FileDescriptor',
    'CharSequence',
    'android.os.ParcelFileDescriptor',
    'G',
    'G<String>',
  ],
  ...[
    'G<String,N,U>',
    'G<int,N>',
    'N<String>',
    'List<int>',
    'List<E>',
    'List<List<String>>',
    'List<String[]>',
  ],
  ...[
    'List<N,U>',
    'List<FileDescriptor>',
    'List<ParcelableHolder>',
    'Map<N,String>',
    'Map<String>',
    'Map<String,int>',
  ],
  ...[
    'Map<String,List<N>>',
    'Map<String,String[]>',
    'java.util.Map',
    'List<G<String,List<N>>>',
    'G<String,@nullable N>',
  ],
];

/** {annotation, name, valued}: a type that fields, arguments and results can have; `valued` has literals. */
function type(random, { fixed = false } = {}) {
  const size = () => random.pick(['[1]', '[2]', '[3]', '[1][2]', '[2][2]']);
  if (fixed) {
    const name = random.pick([...PRIMITIVES, 'E', 'O.M', 'F']);
    const array = random.one(4) ? size() : '';
    return { annotation: '', name: name + array, valued: name !== 'F' && name !== 'E' && name !== 'O.M' };
  }
  switch (random.below(6)) {
    case 0:
    case 1: {
      const name = random.pick(PRIMITIVES);
      const array = random.one(3) ? random.pick(['[]', '[]', size()]) : '';
      const annotation = array !== '' && random.one(4) ? '@nullable ' : '';
      const plain = !(array !== '' && ['char', 'boolean'].includes(name));
      return { annotation, name: name + array, valued: plain && annotation === '' };
    }
    case 2: {
      const array = random.one(3) ? random.pick(['[]', size()]) : '';
      const annotation = random.pick(['', '', '@nullable ', '@utf8InCpp ', '@nullable @utf8InCpp ']);
      return { annotation, name: `String${array}`, valued: annotation !== '@nullable ' };
    }
    case 3: {
      const array = random.one(4) ? '[]' : '';
      return { annotation: '', name: `${random.pick(['E', 'E', 'O.M'])}${array}`, valued: true };
    }
    case 4: {
      const name = random.pick(OBJECTS);
      const array = random.one(4) ? random.pick(['[]', size()]) : '';
      const heap = array === '' && ['N', 'U', 'O'].includes(name) && random.one(3);
      const nullable = heap
        ? `@nullable(heap=${random.pick(['true', 'false', '!false', '1 == 2'])}) `
        : '@nullable ';
      return { annotation: random.one(3) ? nullable : '', name: name + array, valued: false };
    }
    default:
      return {
        annotation: random.one(4) ? '@nullable ' : '',
        name: random.pick([...LISTS, 'Map<String,N>', 'Map<String,String>', 'Map<String,G<N,N>>']),
        valued: false,
      };
  }
}

/** The directions that arguments of a type can have; '' is one that is not written. */
function directions({ name }) {
  if (/[\]>]$/.test(name)) return ['in', 'out', 'inout'];
  if (['N', 'U', 'O', 'V', 'W'].includes(name)) return ['in', 'out', 'inout'];
  if (name === 'ParcelFileDescriptor') return ['in', 'inout'];
  return ['in', '', ''];
}

// ---- Members --------------------------------------------------------------------------------------------

const comment = (random) =>
  random.one(6)
    ? random.pick([
        '/** @hide */ ',
        '/** Words. */ ',
        '/** @deprecated not this */ ',
        '// one\n',
        '/* two */ ',
      ])
    : '';
const usage = (random) =>
  random.one(10)
    ? random.pick([
        '@UnsupportedAppUsage ',
        '@UnsupportedAppUsage(maxTargetSdk=28, trackingBug=1) ',
        '@UnsupportedAppUsage(maxTargetSdk=1 << 4 | 3, trackingBug=1L << 40) ',
        '@JavaPassthrough(annotation="@" + "A") ',
        '@JavaPassthrough(annotation="@A") ',
        '@JavaSuppressLint({"A", "B"}) ',
        '@SuppressWarnings(value={"out-array"}) ',
      ])
    : '';

/** Constants that later ones can refer to are pushed to `names`. */
function constant(random, index, names) {
  const of = random.pick(['int', 'int', 'int', 'long', 'byte', 'String', 'float', 'double']);
  const bits = { byte: 8, int: 32, long: 64 }[of];
  const integer = bits === undefined ? undefined : integerOf(random, bits, names);
  const value = integer?.text ?? valueFor(random, of, names);
  const text = `${comment(random)}${usage(random)}const ${of} A${index} = ${value};`;
  if (integer) names.push({ ...integer, text: random.pick([`A${index}`, `T.A${index}`]) });
  return text;
}

function field(random, index, names, { fixed, union }) {
  let of = type(random, { fixed });
  if (!fixed && !union && random.one(12)) of = { annotation: '', name: 'ParcelableHolder', valued: false };
  // The first of a union needs a value, or be something that has one.
  while (union && index === 0 && !of.valued) of = type(random, { fixed });
  const wanted = union && index === 0 && !PRIMITIVES.includes(of.name);
  const value = of.valued && (wanted || random.one(2)) ? ` = ${valueFor(random, of.name, names)}` : '';
  return `${comment(random)}${usage(random)}${of.annotation}${of.name} f${index}${value};`;
}

function method(random, index, { oneway, id, permissions }) {
  const isOneway = oneway || random.one(5);
  const count = random.below(4);
  const args = Array.from({ length: count }, (_, i) => {
    const of = type(random);
    const allowed = isOneway
      ? directions(of).filter((direction) => !direction.includes('out'))
      : directions(of);
    const direction = random.pick(allowed);
    return `${direction}${direction === '' ? '' : ' '}${of.annotation}${of.name} a${i}`;
  });
  const result = isOneway || random.one(3) ? { annotation: '', name: 'void' } : type(random);
  const permission = permissions
    ? random.pick(['@RequiresNoPermission ', '@EnforcePermission("A") ', '@PermissionManuallyEnforced '])
    : '';
  const keyword = isOneway && (!oneway || random.one(2)) ? 'oneway ' : '';
  const number = id === undefined ? '' : ` = ${id}`;
  return `${comment(random)}${usage(random)}${permission}${keyword}${result.annotation}${result.name} m${index}(${args.join(', ')})${number};`;
}

/** A member that may be wrong in any way. */
function doubtful(random, index, kind) {
  const base = random.pick([
    ...PRIMITIVES,
    ...OBJECTS,
    ...LISTS,
    ...RARE,
    'String',
    'E',
    'List',
    'Map',
    'void',
    'Q',
  ]);
  const array = random.one(3) ? random.pick(['[]', '[3]', '[0]', '[-1]', '[A0]', '[][]', '[2][]']) : '';
  const annotation = random.pick(['', '', '@nullable ', '@utf8InCpp ', '@nullable(heap=true) ', '@Backing ']);
  const value = random.pick([
    '',
    ' = 1',
    ' = "a"',
    ' = {}',
    ' = E.X',
    ' = 1 / 0',
    ' = A0',
    ' = 1.5',
    ' = 300',
  ]);
  if (random.one(3)) return `const ${annotation}${base}${array} A${index}${value};`;
  if (kind !== 'interface') return `${annotation}${base}${array} f${random.below(3)}${value};`;
  const direction = random.pick(['in ', 'out ', 'inout ', '']);
  const oneway = random.pick(['', 'oneway ']);
  return `${oneway}${annotation}${base} m${random.below(3)}(${direction}${annotation}${base}${array} a)${random.pick(['', ' = 1'])};`;
}

// ---- Files ----------------------------------------------------------------------------------------------

function enumeration(random, name) {
  const bits = random.pick([8, 32, 64]);
  const backing = `@Backing(type="${{ 8: 'byte', 32: 'int', 64: 'long' }[bits]}") `;
  const annotation = bits === 8 && random.one(3) ? '' : backing;
  const letters = ['X', 'Y', 'Z', ...(random.one(2) ? ['V', 'W'] : [])];
  // A value that is not written is one more than the one before it, which must not be the last of its type.
  const parts = letters.map((letter) => {
    const written = random.one(2);
    const value = written ? integerOf(random, bits === 8 ? 7 : bits - 1, []).text : undefined;
    return comment(random) + letter + (written ? ` = ${value}` : '');
  });
  return `${annotation}enum ${name} { ${parts.join(', ')}${random.pick(['', ','])} }`;
}

function annotationsOf(random, kind) {
  if (!random.one(3)) return '';
  const common = ['@JavaPassthrough(annotation="@A") ', '@JavaSuppressLint({"A"}) ', '@UnsupportedAppUsage '];
  const own = {
    interface: [
      '@VintfStability ',
      '@SensitiveData ',
      '@JavaDefault ',
      '@JavaDelegator ',
      '@Descriptor(value="q.T") ',
    ],
    parcelable: [
      ...[
        '@VintfStability ',
        '@JavaOnlyImmutable ',
        '@JavaOnlyStableParcelable ',
        '@RustDerive(Clone=true) ',
      ],
      '@JavaDerive(toString=true, equals=true) ',
      '@RustDerive(Clone=false) ',
    ],
    union: ['@VintfStability ', '@JavaDerive(toString=true) ', '@SuppressWarnings(value={"const-name"}) '],
  };
  return random.pick([...common, ...own[kind]]);
}

function written(random) {
  const kind = random.pick(['interface', 'interface', 'parcelable', 'union', 'enum']);
  const imports = random.pick([
    '',
    '',
    'import p.O;\n',
    'import p.O; import p.O.M;\n',
    'import p.V; import p.W;\n',
  ]);
  const head = `${comment(random)}package p;${random.pick([' ', '\n', '\n\n'])}${imports}${comment(random)}`;
  if (kind === 'enum') return `${head}${usage(random).replace(/@Supp.*/, '')}${enumeration(random, 'T')}`;
  const names = [
    { text: 'N.K', value: 3n, bits: 8 },
    { text: 'O.K', value: 5n, bits: 32 },
  ];
  const count = 1 + random.below(6);
  const fixed = kind !== 'interface' && random.one(5);
  const context = {
    fixed,
    union: kind === 'union',
    oneway: kind === 'interface' && random.one(6),
    permissions: random.one(6),
  };
  const ids = random.one(6);
  const members = Array.from({ length: count }, (_, index) => {
    if ((kind !== 'union' || index > 0) && random.one(3)) return constant(random, index, names);
    if (kind !== 'interface') return field(random, index, names, context);
    return method(random, index, { ...context, ...(ids ? { id: index * 2 } : {}) });
  });
  if (random.one(5)) members.splice(random.below(members.length + 1), 0, doubtful(random, 9, kind));
  const nested = [
    'parcelable N { int n; const int K = 3; }',
    enumeration(random, 'E'),
    'union U { int a = 1; String b; }',
    'parcelable G<A, B> { int g; @nullable String[] s; }',
    'interface J { void f(); }',
    '@FixedSize parcelable F { int x; byte[3] y; }',
  ];
  const order = random.one(2) ? [...members, ...nested] : [...nested, ...members];
  const separator = random.pick([' ', '\n', '\n  ']);
  const annotations = (fixed ? '@FixedSize ' : '') + annotationsOf(random, kind);
  return `${head}${annotations}${context.oneway ? 'oneway ' : ''}${kind} T {${separator}${order.join(separator)}${separator}}`;
}
