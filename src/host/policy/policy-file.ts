import { readFileSync } from 'node:fs';
import * as v from 'valibot';

/**
 * What rules are about. The first four are the driver's decisions, the same that a Linux security module makes for the
 * kernel driver; the others are the service manager's.
 */
export const ACTIONS = [
  'manage',
  'call',
  'transfer-binder',
  'transfer-file',
  'service-add',
  'service-find',
  'service-list',
] as const;

/** One of {@link ACTIONS}. */
export type Action = (typeof ACTIONS)[number];

/** The highest user or group id; one more stands for none. */
const MAX_ID = 0xffff_fffe;

/** A policy file beyond this, in bytes, is taken for something else. */
const MAX_FILE_SIZE = 1024 * 1024;

const id = v.pipe(
  v.number('expected a number, a range such as "1000-1999", or a list of these'),
  v.integer('expected a whole number'),
  v.minValue(0, 'expected 0 or more'),
  v.maxValue(MAX_ID, `expected at most ${MAX_ID}`),
);

const idRange = v.pipe(
  v.string('expected a number, a range such as "1000-1999", or a list of these'),
  v.regex(/^\d{1,10}-\d{1,10}$/, 'expected a range such as "1000-1999"'),
  v.transform((text) => {
    const [first = 0, last = 0] = text.split('-').map(Number);
    return { first, last };
  }),
  v.check(({ first, last }) => first <= last && last <= MAX_ID, 'expected a range that goes upwards'),
);

/** One or several; several are written as a list. */
const oneOrMore = <const S extends v.GenericSchema>(schema: S) =>
  v.pipe(
    v.union([schema, v.pipe(v.array(schema), v.minLength(1, 'expected at least one'))]),
    v.transform((value): v.InferOutput<S>[] => (Array.isArray(value) ? value : [value])),
  );

const ids = oneOrMore(
  v.union([
    v.pipe(
      id,
      v.transform((first) => ({ first, last: first })),
    ),
    idRange,
  ]),
);

const pattern = v.pipe(v.string('expected text, in which * and ? stand for others'), v.nonEmpty('is empty'));
const patterns = oneOrMore(pattern);

/** An object with just these keys; `JSON.parse` makes arrays that look like one. */
const object = <const E extends v.ObjectEntries>(entries: E) =>
  v.pipe(
    v.custom<object>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'expected an object',
    ),
    v.strictObject(entries, `expected the keys ${Object.keys(entries).join(', ')}, and no others`),
  );

const side = object({
  uid: v.optional(ids),
  gid: v.optional(ids),
  executable: v.optional(patterns),
  label: v.optional(patterns),
});

const actions = oneOrMore(v.picklist(ACTIONS, `expected one of ${ACTIONS.join(', ')}, or a list of these`));

const rule = v.pipe(
  object({
    allow: v.optional(actions),
    deny: v.optional(actions),
    device: v.optional(patterns),
    from: v.optional(side),
    to: v.optional(side),
    service: v.optional(patterns),
  }),
  v.check(
    ({ allow, deny }) => (allow === undefined) !== (deny === undefined),
    'expected either "allow" or "deny"',
  ),
);

const policyFile = object({
  audit: v.optional(v.boolean('expected true or false'), false),
  default: v.optional(v.picklist(['allow', 'deny'], 'expected "allow" or "deny"'), 'allow'),
  rules: v.optional(v.array(rule, 'expected a list of rules'), []),
});

/** What a rule demands of one of the two processes; what is absent demands nothing. */
export type Side = v.InferOutput<typeof side>;
/** A rule of the file, checked. */
export type Rule = v.InferOutput<typeof rule>;
/** A whole file, checked. */
export type PolicyFile = v.InferOutput<typeof policyFile>;

/**
 * Reads and checks a policy file.
 *
 * @throws Error whose message names the file, the place in it, what is wrong there and what was expected.
 */
export function readPolicyFile(path: string): PolicyFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`Cannot read the policy ${path}: ${(error as Error).message}`);
  }
  if (text.length > MAX_FILE_SIZE)
    throw new Error(`Cannot use the policy ${path}: it is longer than ${MAX_FILE_SIZE} characters`);
  return parsePolicy(text, path);
}

/** The same for text; `name` is what messages call it. */
export function parsePolicy(text: string, name: string): PolicyFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot use the policy ${name}: it is not JSON: ${(error as Error).message}`);
  }
  const { success, output, issues } = v.safeParse(policyFile, json);
  if (success) return output;
  throw new Error(`Cannot use the policy ${name}: ${describeIssue(issues[0])}`);
}

/** Where, what, and what it is instead. Of alternatives the one that went furthest tells what was meant. */
function describeIssue(issue: v.BaseIssue<unknown>): string {
  let deepest = issue;
  let path = [...(issue.path ?? [])];
  for (let inner = furthest(issue.issues); inner; inner = furthest(inner.issues)) {
    deepest = inner;
    path = [...path, ...(inner.path ?? [])];
  }
  const { received, message } = deepest;
  const place = path.map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return `${place.replace(/^\./, '') || 'the whole'}: ${message}${message.startsWith('expected') ? `, not ${received}` : ''}`;
}

function furthest(issues: readonly v.BaseIssue<unknown>[] | undefined): v.BaseIssue<unknown> | undefined {
  return issues?.toSorted((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0))[0];
}
