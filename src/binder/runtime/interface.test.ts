import { expect, test } from 'vitest';
import { defineInterface } from './interface.ts';
import type { InterfaceTable } from './interface-table.ts';

const define = (methods: InterfaceTable['methods']) =>
  defineInterface<object>('test.IWrong', { format: 1, methods });

test.each<[why: string, methods: InterfaceTable['methods'], message: RegExp]>([
  // biome-ignore lint/suspicious/noThenProperty: it is what is refused
  ['await would call it', { then: { code: 1 } }, /then_/],
  ['references have one already', { constructor: { code: 1 } }, /constructor_/],
  ['each object has one already', { toString: { code: 1 } }, /toString_/],
  ['two methods have one code', { a: { code: 1 }, b: { code: 1 } }, /b and a have code 1/],
  ['codes begin with 1', { a: { code: 0 } }, /a has code 0/],
  ['a oneway method has no result', { a: { code: 1, oneway: true, returns: 'int' } }, /oneway/],
])('a table is refused: %s', (_why, methods, message) => {
  expect(() => define(methods)).toThrow(expect.objectContaining({ code: 'BAD_TABLE' }));
  expect(() => define(methods)).toThrow(message);
});

test('a table of another format is refused', () => {
  const table = { format: 2, methods: {} } as unknown as InterfaceTable;
  expect(() => defineInterface('test.INew', table)).toThrow(expect.objectContaining({ code: 'BAD_TABLE' }));
});

test('what is no method is not there: a reference has no other members with names', () => {
  const IOne = defineInterface<{ one(): Promise<void> }>('test.IOne', {
    format: 1,
    methods: { one: { code: 1 } },
  });
  const ref = IOne.implement({ one: () => {} });
  const names: string[] = [];
  for (let at: object | null = ref; at !== Object.prototype && at; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at));
  }
  expect(names.filter((name) => name !== 'constructor')).toEqual(['one']);
});
