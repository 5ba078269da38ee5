// The driver with all its mutants in it, each behind a switch, and the tests that are to kill them, as JavaScript.

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
const output = join(root, 'node_modules/.cache/ubinder-mutation');

/** What is mutated, and the unit tests beside it. */
const DRIVER = readdirSync(join(root, 'src/driver'), { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/driver/${name}`)
  .sort();
const isTest = (name) => name.endsWith('.test.ts');

/** What must notice: the driver's unit tests, the scenarios and goldens on the pure core, and the simulator. */
const TESTS = [
  ...DRIVER.filter(isTest),
  ...['android-scheduling', 'installing', 'limits', 'long-writes', 'nice', 'policy', 'releases'].map(
    (name) => `test/unit/${name}.test.ts`,
  ),
  'test/scenarios/local.test.ts',
  'test/mutation/simulations.ts',
];

/** Calls that the instrumenter writes and leaves to us: what they do is in worker.mjs. */
const SWITCHES = `const stryMutAct_9fa48 = globalThis.ubinderMutation.isActive;
const stryCov_9fa48 = globalThis.ubinderMutation.cover;
`;

const silent = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].flatMap((level) => [
    [level, () => {}],
    [`is${level[0].toUpperCase()}${level.slice(1)}Enabled`, () => false],
  ]),
);

/**
 * @returns `mutants` in the order of their numbers, each with its file, place and replacement; `testFiles` are modules to
 *   import, one after the other, and `api` the module that then has their tests.
 */
export async function instrument() {
  const files = DRIVER.filter((name) => !isTest(name)).map((name) => ({
    name: join(root, name),
    mutate: true,
    content: readFileSync(join(root, name), 'utf8'),
  }));
  const options = { excludedMutations: [], ignorers: [], noHeader: true, plugins: null };
  const result = await new Instrumenter(silent).instrument(files, options);
  const instrumented = new Map(
    result.files.map(({ name, content }) => [
      name,
      SWITCHES +
        content.replace(/stry(MutAct|Cov)_9fa48\(("\d+"(?:, "\d+")*)\)/g, (call) => call.replaceAll('"', '')),
    ]),
  );
  const mutants = result.mutants.map(({ id, fileName, location, mutatorName, replacement }) => ({
    id: Number(id),
    file: relative(root, fileName),
    line: location.start.line + 1,
    column: location.start.column + 1,
    mutator: mutatorName,
    original: textAt(readFileSync(fileName, 'utf8'), location),
    replacement,
  }));

  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const api = join(root, 'test/mutation/test-api.ts');
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries([['api', api], ...TESTS.map((name, i) => [`test-${i}`, join(root, name)])]),
    platform: 'node',
    external: (id) => /^@?[a-z]/.test(id) && id !== 'vitest',
    plugins: [
      {
        name: 'mutants',
        resolveId: (name) => (name === 'vitest' ? api : null),
        load: (id) => instrumented.get(id) ?? null,
        // Tests find their data from where they lie.
        transform: (code, id) => code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)),
      },
    ],
  });
  await build.write({
    dir: output,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[hash].mjs',
  });
  return {
    mutants,
    api: join(output, 'api.mjs'),
    testFiles: TESTS.map((name, i) => ({ name, module: join(output, `test-${i}.mjs`) })),
  };
}

function textAt(content, { start, end }) {
  const lines = content.split('\n').slice(start.line, end.line + 1);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column);
  lines[0] = lines[0].slice(start.column);
  return lines.join('\n');
}
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { mutants } = await instrument();
  console.log(mutants.length);
}
