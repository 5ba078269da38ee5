import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIN } from '../../test/support/cli.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ubinder-aidl-'));
  mkdirSync(join(directory, 'p'));
  write('p/IFoo.aidl', '// Ours\npackage p; interface IFoo { const int a = 1; void f(in p.Bar bar); }');
  write('p/Bar.aidl', 'package p; parcelable Bar { int b = 1 << 4; }');
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (path: string, text: string) => writeFileSync(join(directory, path), text, 'latin1');

function aidl(...args: string[]) {
  const run = spawnSync(process.execPath, [MAIN, 'aidl', ...args], {
    cwd: directory,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { code: run.status, stderr: run.stderr, stdout: run.stdout };
}

it('says nothing of files without errors', () => {
  expect(aidl('-I.', 'p/IFoo.aidl', 'p/Bar.aidl')).toEqual({ code: 0, stderr: '', stdout: '' });
});

it('dumps the API below the comments at the head', () => {
  expect(aidl('--dumpapi', '--out=api', '-I', '.', 'p/IFoo.aidl')).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(join(directory, 'api/p/IFoo.aidl'), 'utf8')).toBe(
    '// Ours\npackage p;\ninterface IFoo {\n  void f(in p.Bar bar);\n  const int a = 1;\n}\n',
  );
});

it('tells warnings, as errors where asked', () => {
  const text = 'p/IFoo.aidl:2.38-40: Constants should be named in upper case: a [-Wconst-name]\n';
  expect(aidl('-I.', '-Wconst-name', 'p/IFoo.aidl')).toMatchObject({ code: 0, stderr: `WARNING: ${text}` });
  expect(aidl('-I.', '-Wconst-name', '-Werror', 'p/IFoo.aidl')).toMatchObject({
    code: 1,
    stderr: `ERROR: ${text}`,
  });
  expect(aidl('-I.', '-Wconst-name', '-Werror', '-Wno-error=const-name', 'p/IFoo.aidl').code).toBe(0);
  expect(aidl('-I.', '-Weverything', '-w', 'p/IFoo.aidl').stderr).toBe('');
  expect(aidl('-Wnonsense', 'p/IFoo.aidl')).toMatchObject({
    code: 2,
    stderr: 'ubinder: unknown warning: nonsense\n',
  });
});

it('tells errors, and stops at the first file that has some', () => {
  expect(aidl('p/Nope.aidl', 'p/Nope2.aidl')).toMatchObject({
    code: 1,
    stderr: 'ERROR: p/Nope.aidl: Error while opening file for parsing\n',
  });
  write('p/IFoo.aidl', 'package p; interface IFoo { const String A = "\xc3\xa9"; }');
  expect(aidl('-I.', 'p/IFoo.aidl').stderr).toContain(`in string constant '"é"'`);
  expect(aidl('--dumpapi', 'p/Bar.aidl').code).toBe(2);
  expect(aidl('--stability=high', 'p/Bar.aidl').code).toBe(2);
  expect(aidl('p').code).toBe(2);
  mkdirSync(join(directory, 'q.aidl'));
  expect(aidl('q.aidl').code).toBe(1);
});

it('knows the types of preprocessed files', () => {
  rmSync(join(directory, 'p/Bar.aidl'));
  write('known', 'parcelable p.Bar;\n');
  expect(aidl('-I.', 'p/IFoo.aidl').code).toBe(1);
  expect(aidl('-I.', '-p', 'known', 'p/IFoo.aidl')).toMatchObject({ code: 0, stderr: '' });
  expect(aidl('-I.', '-pknown', '--structured', 'p/IFoo.aidl').stderr).not.toContain("Couldn't find");
});

it('writes declarations that -p reads again, and maps methods to lines', () => {
  write('p/Bar.aidl', 'package p; parcelable Bar cpp_header "p/bar.h";');
  expect(aidl('--preprocess', 'known', 'p/Bar.aidl')).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(join(directory, 'known'), 'utf8')).toBe('parcelable p.Bar cpp_header "p/bar.h";\n');
  rmSync(join(directory, 'p/Bar.aidl'));
  expect(aidl('-p', 'known', '--apimapping', 'map', 'p/IFoo.aidl')).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(join(directory, 'map'), 'utf8')).toBe('p.IFoo|f|p.Bar,|void\np/IFoo.aidl:2\n');
});

it('compares dumps of an API', () => {
  expect(aidl('-I.', '--dumpapi', '-oold', 'p/IFoo.aidl', 'p/Bar.aidl').code).toBe(0);
  write('p/IFoo.aidl', 'package p; interface IFoo { const int a = 1; void f(in p.Bar bar); void g(); }');
  expect(aidl('-I.', '--dumpapi', '-onew', 'p/IFoo.aidl', 'p/Bar.aidl').code).toBe(0);
  expect(aidl('--checkapi', 'old', 'new')).toEqual({ code: 0, stderr: '', stdout: '' });
  expect(aidl('--checkapi=compatible', 'old', 'new').code).toBe(0);
  expect(aidl('--checkapi', 'new', 'old')).toMatchObject({
    code: 1,
    stderr: 'ERROR: new/p/IFoo.aidl:4.7-9: Removed or changed method: p.IFoo.g()\n',
  });
  expect(aidl('--checkapi=equal', 'old', 'new').stderr).toContain('(in p.Bar bar);\n+  void g();\n');
  expect(aidl('--checkapi', 'old').code).toBe(2);
  expect(aidl('--checkapi=exact', 'old', 'new').code).toBe(2);
  expect(aidl('--checkapi', 'old', 'nowhere').stderr).toContain('nowhere');
});

it('writes what an output depends on, for make and ninja', () => {
  const rule = 'gen/p/IFoo.ts : \\\n  p/IFoo.aidl \\\n  ./p/Bar.aidl\n';
  expect(aidl('-I.', '-ogen', '-a', 'p/IFoo.aidl')).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(join(directory, 'gen/p/IFoo.ts.d'), 'utf8')).toBe(
    `${rule}\np/IFoo.aidl :\n./p/Bar.aidl :\n`,
  );
  expect(aidl('-I.', '-ogen', '-d', 'deps', '--ninja', 'p/IFoo.aidl').code).toBe(0);
  expect(readFileSync(join(directory, 'deps'), 'utf8')).toBe(rule);
  expect(aidl('-I.', '-ogen', '-d', 'deps', 'p/IFoo.aidl', 'p/Bar.aidl').code).toBe(2);
});

it('takes the options of build files, and says which it cannot serve', () => {
  const carried = [
    '--structured',
    '--version=3',
    '--hash=abc',
    '--min_sdk_version=31',
    '--transaction_names',
  ];
  expect(aidl('-I.', ...carried, '-t', '-hheaders', '--omit_invocation', '--rpc', 'p/IFoo.aidl')).toEqual({
    code: 0,
    stderr: '',
    stdout: '',
  });
  expect(aidl('-v0', 'p/IFoo.aidl').code).toBe(2);
  expect(aidl('--lang=java', 'p/IFoo.aidl').stderr).toContain('Must be ts');
  expect(aidl('--previous_api_dir=old', 'p/IFoo.aidl').stderr).toContain('is not supported');
  expect(aidl('--dumpapi', '--apimapping=x', 'p/IFoo.aidl').code).toBe(2);
});

it('wants the root of the package among the imports where it names outputs', () => {
  expect(aidl('--dumpapi', '-oapi', '-Iother', 'p/Bar.aidl')).toMatchObject({
    code: 1,
    stderr: 'ERROR: p/Bar.aidl:1.22-26: directory ./ is not found in any of the import paths:\n - other/\n',
  });
  const inside = spawnSync(process.execPath, [MAIN, 'aidl', 'Bar.aidl'], { cwd: join(directory, 'p') });
  expect(inside.status).toBe(0);
});

it('watches what it read and what it missed', { timeout: 30_000 }, async () => {
  rmSync(join(directory, 'p/Bar.aidl'));
  const child = spawn(process.execPath, [MAIN, 'aidl', '--watch', '-I.', 'p/IFoo.aidl'], { cwd: directory });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const says = async (text: string) => {
    while (!said.includes(text)) await new Promise((resolve) => child.stderr.once('data', resolve));
    said = '';
  };
  try {
    await says('There are errors; waiting for changes\n');
    write('p/Bar.aidl', 'package p; parcelable Bar { int b; }');
    await says('No errors; waiting for changes\n');
    write('p/IFoo.aidl', 'package p; interface IFoo { void f(in p.Bar bar) }');
    await says('There are errors; waiting for changes\n');
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
});

it('writes TypeScript below --out, or beside the input', () => {
  expect(aidl('-I.', '-o', 'out', 'p/IFoo.aidl', 'p/Bar.aidl')).toEqual({ code: 0, stderr: '', stdout: '' });
  const written = readFileSync(join(directory, 'out/p/IFoo.ts'), 'utf8');
  expect(written).toContain("import { Bar } from './Bar.js';");
  expect(readFileSync(join(directory, 'out/p/Bar.ts'), 'utf8')).toContain("['b', 'int', 16]");
  expect(aidl('-I.', '--lang=ts', '--import_extension=.ts', 'p/IFoo.aidl').code).toBe(0);
  expect(readFileSync(join(directory, 'p/IFoo.ts'), 'utf8')).toBe(written.replace('./Bar.js', './Bar.ts'));
});

it('tells which names and types TypeScript cannot have', () => {
  write('p/IFoo.aidl', 'package p; interface IFoo { void then(); }');
  expect(aidl('-I.', '-o', 'out', 'p/IFoo.aidl')).toMatchObject({
    code: 0,
    stderr:
      "WARNING: p/IFoo.aidl:1.33-38: 'then' has a meaning of its own in TypeScript. It is called 'then_' there.\n",
  });
  write('p/IFoo.aidl', 'package p; interface IFoo { void f(CharSequence a); }');
  expect(aidl('-I.', '-o', 'out', 'p/IFoo.aidl')).toMatchObject({
    code: 1,
    stderr: 'ERROR: p/IFoo.aidl:1.36-48: TypeScript cannot have this type: CharSequence is Java only.\n',
  });
});

it('gives interfaces their version and hash', () => {
  expect(aidl('-I.', '-o', 'out', '-v', '3', '--hash=abc', 'p/IFoo.aidl').code).toBe(0);
  const written = readFileSync(join(directory, 'out/p/IFoo.ts'), 'utf8');
  expect(written).toContain("    version: 3,\n    hash: 'abc',\n");
  expect(written).toContain('readonly VERSION: 3;');
});
