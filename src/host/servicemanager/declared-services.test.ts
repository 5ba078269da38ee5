import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { type DeclaredService, readDeclaredServices } from './declared-services.ts';

const directory = mkdtempSync(`${tmpdir()}/ubinder-declared-`);
afterAll(() => rmSync(directory, { recursive: true }));

function read(content: unknown): DeclaredService[] {
  const path = `${directory}/services.json`;
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readDeclaredServices(path);
}

test('reads all that can be said of a service', () => {
  const services: DeclaredService[] = [
    { name: 'some.IFoo/default', start: ['/bin/foo', '--serve'], apex: 'com.foo' },
    { name: 'some.IFar/default', connection: { address: '10.0.0.2', port: 5000 } },
    { name: 'some.IFoo/other', accessor: 'accessor.IFoo' },
  ];
  expect(read({ services })).toEqual(services);
  expect(read({ services: [] })).toEqual([]);
});

test.each([
  ['a number', '5', 'the whole: '],
  ['no services', {}, 'services: '],
  ['a service without a name', { services: [{}] }, 'services.0.name: '],
  ['a name that none may have', { services: [{ name: 'a b' }] }, 'services.0.name: expected letters, digits'],
  ['a name twice', { services: [{ name: 'a' }, { name: 'a' }] }, 'services: a name stands there twice'],
  ['no program', { services: [{ name: 'a', start: [] }] }, 'services.0.start: expected a program'],
  ['an unknown key', { services: [{ name: 'a', run: 'x' }] }, 'services.0.run: '],
  [
    'a port there is not',
    { services: [{ name: 'a', connection: { address: 'x', port: 0 } }] },
    'services.0.connection.port: ',
  ],
])('refuses %s, and says where', (_what, content, message) => {
  expect(() => read(content)).toThrow(
    `Cannot use the declared services ${directory}/services.json: ${message}`,
  );
});

test('refuses what is no JSON, or not there', () => {
  expect(() => read('{')).toThrow(/^Cannot read the declared services .*services\.json: .*JSON/);
  expect(() => readDeclaredServices('/nowhere')).toThrow(
    /^Cannot read the declared services \/nowhere: ENOENT/,
  );
});
