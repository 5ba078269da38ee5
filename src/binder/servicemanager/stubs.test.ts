// The stubs of Android's service manager are what our compiler makes of aidl/. `vitest -u` writes them anew.

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { modulesOf } from '../../../test/support/aidl.ts';

const directory = fileURLToPath(new URL('aidl', import.meta.url));
const modules = modulesOf(directory, { importExtension: '.ts', runtime: '../../../runtime/index.ts' });

it.each(modules)('$path is what its AIDL file becomes', async ({ path, text }) => {
  await expect(text).toMatchFileSnapshot(fileURLToPath(new URL(path, import.meta.url)));
});
