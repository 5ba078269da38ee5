import { spawnSync } from 'node:child_process';
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
  expect(aidl('p').code).toBe(1);
});

it('knows the types of preprocessed files', () => {
  rmSync(join(directory, 'p/Bar.aidl'));
  write('known', 'parcelable p.Bar;\n');
  expect(aidl('-I.', 'p/IFoo.aidl').code).toBe(1);
  expect(aidl('-I.', '-p', 'known', 'p/IFoo.aidl')).toMatchObject({ code: 0, stderr: '' });
  expect(aidl('-I.', '-pknown', '--structured', 'p/IFoo.aidl').stderr).not.toContain("Couldn't find");
});
