import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { isServiceName } from '../../binder/servicemanager/index.ts';

const name = v.pipe(
  v.string(),
  v.check(isServiceName, 'expected letters, digits and _ - . /, 1 to 127 of them'),
);

const service = v.strictObject({
  name,
  apex: v.optional(v.string()),
  connection: v.optional(
    v.strictObject({
      address: v.string(),
      port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
    }),
  ),
  accessor: v.optional(name),
  /** The program that serves it, and its arguments: started when it is asked for and not there. */
  start: v.optional(v.pipe(v.array(v.string()), v.minLength(1, 'expected a program'))),
});

const file = v.strictObject({
  services: v.pipe(
    v.array(service),
    v.check(
      (services) => new Set(services.map((one) => one.name)).size === services.length,
      'a name stands there twice',
    ),
  ),
});

/** One service of the file, checked. */
export type DeclaredService = v.InferOutput<typeof service>;

/**
 * Reads a file of declared services: JSON, `{ "services": [{ "name": "some.IFoo/default", … }] }`.
 *
 * @throws Error whose message names the file, the place in it, and what was expected.
 */
export function readDeclaredServices(path: string): DeclaredService[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`Cannot read the declared services ${path}: ${(error as Error).message}`);
  }
  const { success, output, issues } = v.safeParse(file, json);
  if (success) return output.services;
  const [issue] = issues;
  const place = v.getDotPath(issue) ?? 'the whole';
  throw new Error(`Cannot use the declared services ${path}: ${place}: ${issue.message}`);
}
