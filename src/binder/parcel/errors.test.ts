import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BinderError, ERROR_CODES, type ErrorCode } from './errors.ts';

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

test('docs/reference/errors.md is the table', async () => {
  const rows = codes.map((code) => {
    const { status, exception } = new BinderError(code, '');
    return `| \`${code}\` | ${status || ''} | ${exception || ''} | ${ERROR_CODES[code].means} |`;
  });
  const page = `# What can go wrong

<!-- Written by src/binder/parcel/errors.test.ts: \`npx vitest run src/binder/parcel/errors.test.ts -u\` -->

The \`code\` of a \`BinderError\`. It travels to other programs, in whatever language, as a status (\`status_t\`, also in \`status\`) or as an
exception with a message (also in \`exception\`); what has neither does not travel. From other programs the same numbers come as
the same codes; a status that is unknown is \`UNKNOWN_ERROR\` with its number in \`status\`.

| \`code\` | status | exception | meaning |
| --- | --: | --: | --- |
${rows.join('\n')}
`;
  await expect(page).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../docs/reference/errors.md', import.meta.url)),
  );
});

test('each code has a number of its own, or none', () => {
  const numbers = codes
    .map((code) => new BinderError(code, ''))
    // A frozen process looks to callers like any refused transaction.
    .filter(({ code }) => code !== 'FROZEN')
    .flatMap(({ status, exception }) =>
      status || exception ? [status ? `status ${status}` : `exception ${exception}`] : [],
    );
  expect(new Set(numbers).size).toBe(numbers.length);
});
