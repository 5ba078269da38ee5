import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';

// Stands for vitest where mutants are tested: the test files register what they have, and each test can be run as often
// as there are mutants, in one process.

export interface Test {
  readonly name: string;
  readonly run: () => unknown;
}

/** All tests of the files that were imported. */
export const tests: Test[] = [];

const names: string[] = [];

/** Whatever is registered from now on is of this file. */
export function beginFile(name: string): void {
  names.splice(0, names.length, name);
}

export function describe(name: string, body: () => void): void {
  names.push(name);
  body();
  names.pop();
}

type Body = (...values: never[]) => unknown;

export function test(name: string, ...rest: (Body | object)[]): void {
  // What is between the name and the body are options, of which only deadlines are used.
  const body = rest.findLast((each) => typeof each === 'function') as () => unknown;
  tests.push({ name: [...names, name].join(' > '), run: body });
}

test.each =
  (rows: readonly unknown[]) =>
  (name: string, ...rest: (Body | object)[]): void => {
    const body = rest.findLast((each) => typeof each === 'function') as (...values: unknown[]) => unknown;
    rows.forEach((row, i) => {
      const values = Array.isArray(row) ? row : [row];
      test(`${name} (${i})`, () => body(...values));
    });
  };

export { test as it };

/** Nothing is left behind by tests that are run here. */
export function afterAll(): void {}

test.skipIf = (isSkipped: boolean) => (isSkipped ? () => {} : test);

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect: Chai.ExpectStatic = chai.expect;
