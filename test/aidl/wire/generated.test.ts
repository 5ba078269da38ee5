// What `ubinder aidl` makes of the files that the wire tests use. `vitest -u` writes it anew.

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { modulesOf } from '../../support/aidl.ts';

const directory = fileURLToPath(new URL('aidl', import.meta.url));
const modules = modulesOf(directory, { importExtension: '.ts' });

describe('TypeScript for the wire tests', () => {
  it.each(modules)('$path', async ({ path, text }) => {
    await expect(text).toMatchFileSnapshot(fileURLToPath(new URL(`generated/${path}`, import.meta.url)));
  });

  it('is the same each time', () => {
    expect(modulesOf(directory, { importExtension: '.ts' })).toEqual(modules);
  });
});
