import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as binder from './binder.ts';
import * as binderfs from './binderfs.ts';
import * as errno from './errno.ts';
import type { Struct } from './struct.ts';
import * as structs from './structs.ts';

// Compares the tables with the compiler's own view of <linux/android/binder.h> and <linux/android/binderfs.h>.

const HEADERS = ['linux/android/binder.h', 'linux/android/binderfs.h', 'errno.h', 'stddef.h', 'stdio.h'];

/** What came after Linux 5.15, where an installed header may lack it: since when it is there, and its value. */
const NEWER: Record<string, [version: string, value: number]> = {
  BINDER_GET_EXTENDED_ERROR: ['5.19', 0xc00c6211],
  TF_UPDATE_TXN: ['5.19', 0x40],
  FLAT_BINDER_FLAG_SCHED_POLICY_MASK: ['of Android', 0x600],
  FLAT_BINDER_FLAG_SCHED_POLICY_SHIFT: ['of Android', 9],
  FLAT_BINDER_FLAG_INHERIT_RT: ['of Android', 0x800],
  BR_TRANSACTION_PENDING_FROZEN: ['6.3', 0x00007214],
  BR_FROZEN_BINDER: ['6.12', 0x80107215],
  BR_CLEAR_FREEZE_NOTIFICATION_DONE: ['6.12', 0x80087216],
  BC_REQUEST_FREEZE_NOTIFICATION: ['6.12', 0x400c6313],
  BC_CLEAR_FREEZE_NOTIFICATION: ['6.12', 0x400c6314],
  BC_FREEZE_NOTIFICATION_DONE: ['6.12', 0x40086315],
};

/** The same for structs: since when, size, and the offset of each member. */
const NEWER_STRUCTS: Record<string, [version: string, size: number, offsets: Record<string, number>]> = {
  binder_extended_error: ['5.19', 12, { id: 0, command: 4, param: 8 }],
  binder_frozen_state_info: ['6.12', 16, { cookie: 0, is_frozen: 8, reserved: 12 }],
};

const constants = Object.entries<unknown>({ ...binder, ...binderfs, ...errno }).filter(
  (entry): entry is [string, number] => typeof entry[1] === 'number',
);
const tables = Object.values({ ...structs, binderfsDevice: binderfs.binderfsDevice }) as unknown as Struct[];

/** The header's text behind the preprocessor and its macros: what is not in it, the compiler does not know. */
let text = '';
/** What the compiler says, by the expression asked. */
const answers = new Map<string, number>();
let folder = '';

function gcc(...args: string[]): string {
  return execFileSync('gcc', args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26 });
}

function known(name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(text);
}

/** Without a compiler nothing can be compared; the tests then show as skipped. */
function hasGcc(): boolean {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(
      'SKIPPED: the tables of src/abi are not compared with the system’s headers: there is no gcc',
    );
    return false;
  }
}
const canCompile = hasGcc();

beforeAll(() => {
  if (!canCompile) return;
  folder = mkdtempSync(join(tmpdir(), 'binder-header-'));
  const includes = HEADERS.map((header) => `#include <${header}>\n`).join('');
  writeFileSync(join(folder, 'headers.c'), includes);
  text = gcc('-E', '-P', 'headers.c') + gcc('-E', '-dM', 'headers.c');

  const questions: string[] = constants.map(([name]) => name).filter(known);
  for (const { name, fields } of tables) {
    if (!known(name)) continue;
    questions.push(`sizeof(struct ${name})`);
    for (const { path } of Object.values(fields)) {
      questions.push(`offsetof(struct ${name}, ${path})`, `sizeof(((struct ${name} *)0)->${path})`);
    }
  }
  const prints = questions.map((question) => `printf("%llu\\n", (unsigned long long)(${question}));`);
  writeFileSync(join(folder, 'ask.c'), `${includes}int main(void) {\n${prints.join('\n')}\nreturn 0; }\n`);
  gcc('-Werror', '-o', 'ask', 'ask.c');
  const lines = execFileSync(join(folder, 'ask'), { encoding: 'utf8' }).trim().split('\n');
  questions.forEach((question, i) => {
    answers.set(question, Number(BigInt.asUintN(64, BigInt(lines[i] ?? ''))));
  });
}, 60_000);

afterAll(() => {
  if (folder) rmSync(folder, { recursive: true });
});

describe.skipIf(!canCompile)('the tables agree with the system’s headers', () => {
  test.each(constants)('%s', (name, value) => {
    const literal = NEWER[name];
    if (literal) expect(value).toBe(literal[1]);
    if (known(name)) expect(value).toBe(answers.get(name));
    else expect(literal, `${name} is not in the header, and not known to be newer`).toBeDefined();
  });

  test.each(tables.map((table) => [table.name, table] as const))('struct %s', (name, table) => {
    const fields = Object.values(table.fields);
    const literal = NEWER_STRUCTS[name];
    if (literal) {
      expect(table.size).toBe(literal[1]);
      expect(Object.fromEntries(fields.map(({ path, offset }) => [path, offset]))).toEqual(literal[2]);
    }
    if (!known(name)) {
      expect(literal, `struct ${name} is not in the header, and not known to be newer`).toBeDefined();
      return;
    }
    expect(table.size).toBe(answers.get(`sizeof(struct ${name})`));
    for (const { path, offset, size } of fields) {
      expect(offset, path).toBe(answers.get(`offsetof(struct ${name}, ${path})`));
      expect(size, path).toBe(answers.get(`sizeof(((struct ${name} *)0)->${path})`));
    }
  });

  test('no command, flag or type of the header is missing', () => {
    const names = new Set(
      text.match(/\b(?:B[CR]_[A-Z_]+|TF_[A-Z_]+|BINDER_TYPE_[A-Z_]+|FLAT_BINDER_FLAG_[A-Z_]+)\b/g),
    );
    const ours = new Set(constants.map(([name]) => name));
    expect([...names].filter((name) => !ours.has(name))).toEqual([]);
  });
});
