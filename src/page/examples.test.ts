import { expect, test } from 'vitest';
import { checkExamples, docExamples, runExample } from '../../test/support/doc-examples.ts';
import * as room from './index.ts';

const examples = docExamples('src/page');

test('the examples in the comments compile', { timeout: 60_000 }, () => {
  expect(examples.length).toBeGreaterThan(8);
  expect(checkExamples(examples, 'src/page/index.ts')).toEqual([]);
  // The compiler does look at them
  const [first] = examples;
  expect(checkExamples([{ ...first!, code: 'const a: string = BYTE;' }], 'src/page/index.ts')).not.toEqual(
    [],
  );
});

test.each(examples)('$where', async (example) => {
  await runExample(example, room);
});
