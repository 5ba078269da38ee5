// docs/guide/first-service.md, followed by root and by an ordinary user, on each version of Node.js that is supported.

import { dirname } from 'node:path';
import { describe, it } from 'vitest';
import { canUnshareUser, NOBODY } from '../../src/host/launcher/built.test-support.ts';
import { blocksOf, GuideFolder } from '../support/guide.ts';
import { whyNot } from '../support/mount.ts';
import { nodeVersions } from './fetch-node.mjs';

/** Distributions let everybody open /dev/fuse; where root runs this it is so in a mount namespace of the test's own. */
const OPEN = `[ -e "$0"/fuse ] || mknod -m 666 "$0"/fuse c 10 229
mount --bind "$0"/fuse /dev/fuse && exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups "$@"`;
const asNobody = (folder: string): readonly string[] => ['unshare', '-m', 'sh', '-c', OPEN, folder];

const isRoot = process.getuid?.() === 0;
const users = [
  { who: 'root', reader: {}, reason: whyNot('root') },
  {
    who: 'an ordinary user',
    reader: isRoot ? { as: asNobody } : {},
    reason: canUnshareUser ? whyNot('rootless') : 'no user namespaces',
  },
];
const versions = [
  { version: process.versions.node, directory: dirname(process.execPath) },
  ...nodeVersions().filter(({ version }) => version !== process.versions.node),
];

for (const { who, reader, reason } of users) {
  if (reason) console.warn(`SKIPPED: the guide as ${who}: ${reason}`);
  describe.skipIf(reason !== null)(`the guide as ${who}`, () => {
    for (const { version, directory } of versions) {
      if (!directory)
        console.warn(`SKIPPED: the guide on Node.js ${version}: fetch-node.mjs has not fetched it`);
      it.skipIf(!directory)(`leads to a service and its client on Node.js ${version}`, () => {
        using folder = new GuideFolder({ ...reader, ...(directory ? { nodeDirectory: directory } : {}) });
        folder.follow(blocksOf('first-service.md'));
      });
    }
  });
}
