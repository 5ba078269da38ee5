// docs/guide/aidl.md, followed to the letter in an empty folder, with the package as it is published.

import { afterAll, beforeAll, it } from 'vitest';
import { blocksOf, fileOf, GuideFolder } from '../support/guide.ts';
import { whyNot } from '../support/mount.ts';

const blocks = blocksOf('aidl.md');
const device = blocks.findIndex((block) => fileOf(block) === 'src/server.ts');
let folder: GuideFolder;

beforeAll(() => {
  folder = new GuideFolder();
});
afterAll(() => folder[Symbol.dispose]());

it('leads from an AIDL file to a typed call in one process', { timeout: 300_000 }, () => {
  folder.follow(blocks.slice(0, device));
});

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: the guide over a device: ${reason}`);

it.skipIf(reason !== null)('leads to a call over a device', { timeout: 300_000 }, () => {
  folder.follow(blocks.slice(device));
});
