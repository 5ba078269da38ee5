// Whatever a file contains, the compiler ends with a verdict: no crash, no hang, and an error for garbage.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile, formatDiagnostic } from '../../src/aidl/index.ts';
import { Random } from '../support/random.ts';
import { cases } from './corpus.mjs';

const inputs = Number(process.env.UBINDER_AIDL_FUZZ_INPUTS ?? 60_000);
const firstSeed = Number(process.env.UBINDER_AIDL_FUZZ_SEED ?? 1);

function judge(files: Record<string, string>, file = 'p/IFoo.aidl') {
  const read = (path: string) => (Object.hasOwn(files, path) ? files[path] : undefined);
  const { diagnostics, document } = compile(file, { read, includes: ['.'] });
  return { accepted: document !== undefined, messages: diagnostics.map(formatDiagnostic) };
}
const judgeOne = (text: string) => judge({ 'p/IFoo.aidl': text });
const constant = (expression: string) => `package p; interface IFoo { const int A = ${expression}; }`;

describe('hostile input', () => {
  it.each([
    ['parentheses', constant(`${'('.repeat(10_000)}1${')'.repeat(10_000)}`)],
    ['open parentheses', constant('('.repeat(10_000))],
    ['unary operators', constant(`${'-'.repeat(10_000)}1`)],
    ['braces', constant(`${'{'.repeat(10_000)}1${'}'.repeat(10_000)}`)],
    ['sums', constant(`1${'+1'.repeat(10_000)}`)],
    ['type arguments', `package p; interface IFoo { void f(in ${'List<'.repeat(10_000)}String x); }`],
    ['nested types', `package p; interface IFoo {${'parcelable A {'.repeat(10_000)}`],
  ])('10,000 %s deep are refused', (_, text) => {
    const { accepted, messages } = judgeOne(text);
    expect(accepted).toBe(false);
    expect(messages[0]).toMatch(/^ERROR: p\/IFoo\.aidl:1\.\d+-\d+: .*too deeply/);
  });

  it('a chain of 10,000 constants ends', () => {
    const chain = Array.from({ length: 10_000 }, (_, i) => `const int A${i} = A${i + 1};`).join('\n');
    const { accepted, messages } = judgeOne(`package p; interface IFoo { ${chain} const int A10000 = 1; }`);
    expect(accepted || messages.length > 0).toBe(true);
  });

  it('10 MB of methods end, and are accepted', () => {
    const methods: string[] = [];
    for (let size = 0; size < 10_000_000; size += methods.at(-1)!.length) {
      methods.push(
        `  void methodNumber${methods.length}(in int[] some, out String[] others, IBinder binder);\n`,
      );
    }
    expect(judgeOne(`package p; interface IFoo {\n${methods.join('')}}`)).toEqual({
      accepted: true,
      messages: [],
    });
  });

  it('an array of 100,000 dimensions ends', () => {
    const type = `int${'[1]'.repeat(100_000)}`;
    expect(judgeOne(`package p; interface IFoo { void f(in ${type} a); }`).accepted).toBe(true);
  });

  it('10 MB of garbage end, with no more errors than someone reads', () => {
    const { accepted, messages } = judgeOne(`package p; interface IFoo { ${'void ; '.repeat(1_500_000)}`);
    expect(accepted).toBe(false);
    expect(messages.length).toBeLessThanOrEqual(1_000);
  });

  it('imports in a circle are fine', () => {
    const verdict = judge({
      'p/IFoo.aidl': 'package p; import p.IBar; interface IFoo { IBar f(); }',
      'p/IBar.aidl': 'package p; import p.IFoo; interface IBar { IFoo f(); }',
    });
    expect(verdict).toEqual({ accepted: true, messages: [] });
  });

  it.each([
    ['an unterminated comment', 'package p; interface IFoo { /* void f(); }'],
    ['an unterminated string', 'package p; interface IFoo { const String A = "b; }'],
    ['NUL', 'package p; interface IFoo { void f\0(); }'],
    ['invalid UTF-8', 'package p; interface IFoo { void \xff\xfe(); }'],
    ['nothing', ''],
    ['a byte order mark', '\xef\xbb\xbfpackage p; interface IFoo {}'],
  ])('%s is a syntax error', (_, text) => {
    const { accepted, messages } = judgeOne(text);
    expect(accepted).toBe(false);
    expect(messages[0]).toMatch(/^ERROR: p\/IFoo\.aidl:1\.\d+-\d+: syntax error, unexpected /);
  });

  it('names of Object.prototype are names like others', () => {
    const text =
      'package p; interface IFoo { const int constructor = 1; const int A = constructor; ' +
      'void toString(); @SuppressWarnings(value={"__proto__"}) void __proto__(in hasOwnProperty x); }';
    expect(judgeOne(text).accepted).toBe(false);
  });
});

const TOKENS = (
  'package import interface parcelable enum union oneway const in out inout true false cpp_header ndk_header ' +
  'rust_type void int long byte boolean char float double String List Map IBinder ParcelableHolder p IFoo A B ' +
  '@nullable @utf8InCpp @Backing @FixedSize @VintfStability @EnforcePermission @JavaDerive @Nope ( ) { } [ ] < ' +
  '> << >> && || <= >= == != : ; , . = + - * / % & | ^ ! ~ 0 1 2147483648 0xff 0xffffffffffffffffL 1u8 1.5f 0|1 ' +
  '1__0 "a" "\\" \'a\' \'\\ /* */ // # $ `'
).split(' ');

const sources = cases().map(({ directory, file }) => readFileSync(join(directory, file), 'latin1'));

function garbage(random: Random): string {
  const soup = (length: number) =>
    Array.from({ length }, () => random.pick(TOKENS)).join(random.pick(['', ' ', '\n']));
  switch (random.below(4)) {
    case 0:
      return Buffer.from(random.bytes(random.below(200))).toString('latin1');
    case 1:
      return soup(random.below(80));
    case 2:
      return `package p; ${random.pick(['interface', 'parcelable', 'enum', 'union'])} IFoo { ${soup(random.below(40))} }`;
    default:
      return mutated(random.pick(sources), random);
  }
}

function mutated(source: string, random: Random): string {
  let text = source;
  for (let times = 1 + random.below(4); times > 0; times--) {
    const from = random.below(text.length + 1);
    const to = Math.min(text.length, from + random.below(12));
    const other = random.pick(sources);
    const at = random.below(other.length + 1);
    const insert = random.pick([
      '',
      random.pick(TOKENS),
      ` ${random.pick(TOKENS)} `,
      other.slice(at, at + random.below(40)),
      String.fromCharCode(random.below(256)),
    ]);
    text = text.slice(0, from) + insert + text.slice(random.one(2) ? to : from);
  }
  return text;
}

it(`no crash and no silent refusal on ${inputs} inputs from seed ${firstSeed}`, { timeout: 0 }, () => {
  for (let seed = firstSeed; seed < firstSeed + inputs; seed++) {
    const text = garbage(new Random(seed));
    try {
      const started = performance.now();
      const { accepted, messages } = judgeOne(text);
      if (!accepted && messages.length === 0) throw new Error('refused without an error');
      if (performance.now() - started > 20_000) throw new Error('took more than 20 s');
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
});
