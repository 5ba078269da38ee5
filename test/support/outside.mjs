// SPDX-License-Identifier: Apache-2.0
//
// What tests need from outside the project is pinned in outside.json by version and checksum, and kept in a cache that
// programs share. Here is how it gets there; what is made of it is the business of the programs that ask.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const pinFile = fileURLToPath(new URL('outside.json', import.meta.url));
const { UBINDER_CACHE, XDG_CACHE_HOME } = process.env;
export const cache = join(
  UBINDER_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'ubinder'),
  'outside',
);

/** A failure the user can act on: told without a stack trace. */
export class Problem extends Error {}

export const say = (text) => process.stderr.write(`${text}\n`);
export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Runs a program and returns its standard output; its standard error is shown as it comes, unless told otherwise. */
export function run(program, args, { statuses = [0], ...options } = {}) {
  const { error, status, stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  if (error) throw new Problem(`Cannot run ${program}: ${error.message}`);
  if (!statuses.includes(status))
    throw new Problem(`${program} ${args.join(' ')} ended with status ${status}`);
  return stdout;
}

/** Makes `target` by `fill(temporary)` and a rename, so that it is either absent or complete. */
export function makeDirectory(target, fill) {
  mkdirSync(dirname(target), { recursive: true });
  const temporary = mkdtempSync(`${target}.`);
  try {
    fill(temporary);
    chmodSync(temporary, 0o755);
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

// ---- Pins -----------------------------------------------------------------------------------------------

export const readPins = () => JSON.parse(readFileSync(pinFile, 'utf8'));

/** Writes outside.json and says whether anything is new. */
export function writePins(pins) {
  const before = readFileSync(pinFile, 'utf8');
  // As biome formats it: short lists of words on one line.
  const text = JSON.stringify(pins, null, 2).replace(/\[\s+("[^\]{]*")\s+\]/g, (_, words) => {
    return `[${words.replace(/\s+/g, ' ')}]`;
  });
  writeFileSync(pinFile, `${text}\n`);
  say(before === `${text}\n` ? 'The pins are the newest already' : `Rewrote ${pinFile}`);
}

// ---- Debian packages ------------------------------------------------------------------------------------

/** The Debian mirror this machine itself uses, so that no address stands in any file of ours. */
function mirror() {
  if (process.env.UBINDER_DEBIAN_MIRROR) return process.env.UBINDER_DEBIAN_MIRROR;
  const targets = run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const found = targets.split('\n').find((uri) => uri.endsWith('/debian/'));
  if (found === undefined) {
    throw new Problem(
      "This machine's apt sources name no Debian mirror; put the address of one into UBINDER_DEBIAN_MIRROR",
    );
  }
  return found;
}

/**
 * apt with a state of its own, one for each suite: the machine's sources, lists and installed packages stay untouched.
 *
 * @param source {suite, architecture}
 * @returns a function that runs an apt program: (program, args, options).
 */
export function privateApt({ suite, architecture }) {
  const state = join(cache, 'apt', suite);
  for (const directory of ['lists/partial', 'archives/partial']) {
    mkdirSync(join(state, directory), { recursive: true });
  }
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  if (!existsSync(keyring)) throw new Problem(`${keyring} is missing: install debian-archive-keyring`);
  writeFileSync(
    join(state, 'sources.list'),
    `deb [arch=${architecture} signed-by=${keyring}] ${mirror()} ${suite} main\n`,
  );
  const settings = {
    'Dir::Etc::SourceList': join(state, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(state, 'lists'),
    'Dir::State::Status': '/dev/null',
    'Dir::Cache': state,
    'APT::Architecture': architecture,
    'APT::Sandbox::User': process.getuid() === 0 ? 'root' : '',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled': 'false',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return (program, args, more) => run(program, [...options, ...args], more);
}

/** Brings the lists of a {@link privateApt} up to date. */
export const updateIndex = (apt) => apt('apt-get', ['-qq', 'update'], { stdio: ['ignore', 2, 2] });

/** What the updated lists offer, newest first: package name -> [{version, sha256}]. */
export function readIndex(apt, names) {
  const offers = new Map(names.map((name) => [name, []]));
  // 100 says that it knows none of them.
  const quietly = { statuses: [0, 100], stdio: ['ignore', 'pipe', 'ignore'] };
  for (const stanza of apt('apt-cache', ['show', ...names], quietly).split('\n\n')) {
    const field = (name) => stanza.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
    offers.get(field('Package'))?.push({ version: field('Version'), sha256: field('SHA256') });
  }
  return offers;
}

export const debFile = ({ name, version, sha256 }) =>
  join(cache, 'debs', `${name}_${version.replaceAll(':', '%3a')}_${sha256.slice(0, 12)}.deb`);

const haveDeb = (pin) => existsSync(debFile(pin)) && sha256(readFileSync(debFile(pin))) === pin.sha256;

/**
 * Downloads what is missing, and refuses anything but the pinned bytes; {@link debFile} is where it lies then.
 *
 * @param source {suite, architecture}
 * @param packages pins: [{name, version, sha256}]
 * @param remedy told when the suite has no such version any more, or other bytes.
 */
export function fetchDebs(source, packages, remedy) {
  const missing = packages.filter((pin) => !haveDeb(pin));
  if (missing.length === 0) return;
  say(`Fetching ${missing.length} packages of Debian ${source.suite} ...`);
  const apt = privateApt(source);
  updateIndex(apt);
  const offers = readIndex(
    apt,
    missing.map(({ name }) => name),
  );
  const complaints = missing.flatMap(({ name, version, sha256 }) => {
    const offered = offers.get(name);
    const same = offered.find((offer) => offer.version === version);
    if (same === undefined) {
      const there = offered.map((offer) => offer.version).join(', ') || 'nothing of that name';
      return [`  ${name}: wanted ${version}, the mirror has ${there}`];
    }
    return same.sha256 === sha256
      ? []
      : [`  ${name} ${version}: wanted sha256 ${sha256}, the mirror has ${same.sha256}`];
  });
  if (complaints.length > 0) {
    throw new Problem(
      `Cannot fetch the pinned packages; suite ${source.suite} has moved on:\n${complaints.join('\n')}\n${remedy}`,
    );
  }
  const directory = join(cache, 'debs');
  mkdirSync(directory, { recursive: true });
  const work = mkdtempSync(join(directory, 'download.'));
  try {
    const wanted = missing.map(({ name, version }) => `${name}=${version}`);
    apt('apt-get', ['-qq', 'download', ...wanted], { cwd: work, stdio: ['ignore', 2, 2] });
    const files = new Map(readdirSync(work).map((file) => [sha256(readFileSync(join(work, file))), file]));
    for (const pin of missing) {
      const file = files.get(pin.sha256);
      if (file === undefined) {
        throw new Problem(`The download of ${pin.name} ${pin.version} has not the sha256 ${pin.sha256}`);
      }
      renameSync(join(work, file), debFile(pin));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

// ---- Programs -------------------------------------------------------------------------------------------

/**
 * Runs `main(args)` of the program that calls this. Two at once would tread on each other's cache: everything happens
 * under one lock, in a second process.
 */
export function runUnderLock(main) {
  try {
    if (process.env.UBINDER_OUTSIDE_LOCKED) {
      // Compiling for minutes should not slow down whatever else this machine does.
      setPriority(10);
      main(process.argv.slice(2));
    } else {
      mkdirSync(cache, { recursive: true });
      const { error, status } = spawnSync(
        'flock',
        [join(cache, 'lock'), process.execPath, ...process.argv.slice(1)],
        { stdio: 'inherit', env: { ...process.env, UBINDER_OUTSIDE_LOCKED: '1' } },
      );
      if (error) throw new Problem(`Cannot run flock: ${error.message}`);
      process.exitCode = status ?? 1;
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
