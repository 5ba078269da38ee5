// What `ubinder aidl` makes of the files whose generated code other tests use. `vitest -u` writes it anew.

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { modulesOf } from '../support/aidl.ts';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const made = (folder: string) => modulesOf(pathOf(`${folder}/aidl`), { importExtension: '.ts' });

describe.each(['annotations', 'wire'])('TypeScript for the tests of %s', (folder) => {
  const modules = made(folder);

  it.each(modules)('$path', async ({ path, text }) => {
    await expect(text).toMatchFileSnapshot(pathOf(`${folder}/generated/${path}`));
  });

  it('is the same each time', () => {
    expect(made(folder)).toEqual(modules);
  });
});
