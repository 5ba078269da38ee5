#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Brings the outside programs of the interop suite into the cache and prints where they are.
// Versions and checksums are pinned in ../support/outside.json; README.md tells what the programs are.
//
//   node test/interop/fetch.mjs [--json] [GROUP...]   fetch, check, unpack, build (GROUP: rust libgbinder aidl)
//   node test/interop/fetch.mjs --renew [GROUP...]    rewrite the pins to what the registries have today
//
// Progress goes to standard error; standard output has one `NAME PATH` line for each program, or with
// --json one object {NAME: PATH}. What is in the cache already costs no network and no time.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache } from '../support/outside.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const pinFile = join(here, '../support/outside.json');
const rustProject = join(here, 'rust');
/** Read by the project's build. */
const wireAidl = join(here, '../aidl/wire/aidl');
const renewCommand = 'node test/interop/fetch.mjs --renew';

/** A failure the user can act on: told without a stack trace. */
class Problem extends Error {}

const say = (text) => process.stderr.write(`${text}\n`);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Runs a program and returns its standard output; its standard error is shown as it comes. */
function run(program, args, options = {}) {
  const { error, status, stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  if (error) throw new Problem(`Cannot run ${program}: ${error.message}`);
  if (status !== 0) throw new Problem(`${program} ${args.join(' ')} ended with status ${status}`);
  return stdout;
}

/** Makes `target` by `fill(temporary)` and a rename, so that it is either absent or complete. */
function makeDirectory(target, fill) {
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

// ---- Rust -----------------------------------------------------------------------------------------------

const rustPrograms = ['rsb_hub', 'rsb_service', 'rs_service', 'rs_client', 'rs_wire'];

/** The checksum Cargo.lock has for a crate at a version; cargo itself checks every crate against it. */
function lockedChecksum({ name, version }) {
  const lock = readFileSync(join(rustProject, 'Cargo.lock'), 'utf8');
  const entry = lock.split('[[package]]').find((text) => {
    return text.includes(`\nname = "${name}"\n`) && text.includes(`\nversion = "${version}"\n`);
  });
  return entry?.match(/^checksum = "(.*)"$/m)?.[1];
}

function buildRust(pins) {
  for (const pin of pins.cargo) {
    if (lockedChecksum(pin) !== pin.sha256) {
      throw new Problem(
        `${pin.name} ${pin.version}: the checksum in outside.json is not the one in rust/Cargo.lock\n` +
          `Renew both together with: ${renewCommand} rust`,
      );
    }
  }
  const hash = createHash('sha256').update(run('cargo', ['--version']));
  for (const directory of [rustProject, wireAidl]) {
    for (const file of readdirSync(directory, { recursive: true }).sort()) {
      const ours = /\.(rs|aidl|toml|lock)$/.test(file) && !file.startsWith('target');
      if (ours) hash.update(readFileSync(join(directory, file)));
    }
  }
  const target = join(cache, `rust-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(target)) {
    say('Building the Rust programs (some minutes the first time) ...');
    const build = join(cache, 'cargo-target');
    // The service manager is built through our lock file, from the crate as published: a dependency's
    // programs can be named like our own.
    const programs = rustPrograms.flatMap((name) => ['--bin', name]);
    run(
      'cargo',
      ['build', '--release', '--locked', '-p', 'ubinder-interop', '-p', 'rsbinder-tools', ...programs],
      { cwd: rustProject, env: { ...process.env, CARGO_TARGET_DIR: build } },
    );
    makeDirectory(target, (directory) => {
      for (const name of rustPrograms) cpSync(join(build, 'release', name), join(directory, name));
    });
  }
  return Object.fromEntries(rustPrograms.map((name) => [name, join(target, name)]));
}

function renewRust(pins) {
  const manifest = join(rustProject, 'Cargo.toml');
  for (const pin of pins.cargo) {
    // Outside the project: inside it cargo would tell the version of the lock file.
    const newest = run('cargo', ['info', '--color', 'never', pin.name], { cwd: '/' }).match(
      /^version: (\S+)/m,
    )?.[1];
    if (newest === undefined) throw new Problem(`cargo info tells no version of ${pin.name}`);
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace(`${pin.name} = "=${pin.version}"`, `${pin.name} = "=${newest}"`));
    pin.version = newest;
  }
  run('cargo', ['update', ...pins.cargo.map(({ name }) => name)], { cwd: rustProject });
  for (const pin of pins.cargo) pin.sha256 = lockedChecksum(pin);
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

/** apt with a state of its own: the machine's sources, lists and installed packages stay untouched. */
function privateApt({ suite, architecture }) {
  const state = join(cache, 'apt');
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

/** What the mirror has today: package name -> [{version, sha256}]. */
function readIndex(apt, names) {
  apt('apt-get', ['-qq', 'update'], { stdio: ['ignore', 2, 2] });
  const offers = new Map(names.map((name) => [name, []]));
  for (const stanza of apt('apt-cache', ['show', ...names]).split('\n\n')) {
    const field = (name) => stanza.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
    offers.get(field('Package'))?.push({ version: field('Version'), sha256: field('SHA256') });
  }
  return offers;
}

const debFile = ({ name, version, sha256 }) =>
  join(cache, 'debs', `${name}_${version.replaceAll(':', '%3a')}_${sha256.slice(0, 12)}.deb`);

const haveDeb = (pin) => existsSync(debFile(pin)) && sha256(readFileSync(debFile(pin))) === pin.sha256;

/** Downloads what is missing, and refuses anything but the pinned bytes. */
function fetchDebs(debian, packages) {
  const missing = packages.filter((pin) => !haveDeb(pin));
  if (missing.length === 0) return;
  say(`Fetching ${missing.length} packages of Debian ${debian.suite} ...`);
  const apt = privateApt(debian);
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
      `Cannot fetch the pinned packages; suite ${debian.suite} has moved on:\n${complaints.join('\n')}\n` +
        `Renew the pins with: ${renewCommand}\n` +
        'then run the interop suite and commit test/support/outside.json',
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

const libraryFolder = { amd64: 'x86_64-linux-gnu' };
const loaderName = { amd64: 'ld-linux-x86-64.so.2' };

/**
 * Unpacks a bundle and writes a small script for each of its programs, which starts the program by the
 * unpacked loader: the machine's own C library is older, and stays out of it.
 */
function unpackBundle(debian, bundleName) {
  const { architecture, bundles } = debian;
  if (process.arch !== 'x64' || architecture !== 'amd64') {
    throw new Problem(`The Debian packages are pinned for amd64 only, this machine is ${process.arch}`);
  }
  const { packages, programs, compiled = [] } = bundles[bundleName];
  const sources = join(here, bundleName);
  const hash = createHash('sha256').update(JSON.stringify(bundles[bundleName]));
  if (compiled.length > 0) {
    for (const file of readdirSync(sources).sort()) hash.update(readFileSync(join(sources, file)));
  }
  const target = join(cache, `${bundleName}-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(target)) {
    fetchDebs(debian, packages);
    makeDirectory(target, (directory) => {
      for (const pin of packages) run('dpkg', ['-x', debFile(pin), join(directory, 'root')]);
      const libraries = `usr/lib/${libraryFolder[architecture]}`;
      for (const name of compiled) {
        compileProgram(join(sources, `${name}.c`), join(directory, 'root'), libraries, join('usr/bin', name));
      }
      const command = (root) => [
        join(root, libraries, loaderName[architecture]),
        '--inhibit-cache',
        '--library-path',
        `${join(root, libraries)}:${join(root, libraries, 'android')}`,
      ];
      for (const program of [...programs, ...compiled]) {
        const [loader, ...options] = command(join(directory, 'root'));
        const binary = join('usr/bin', program);
        checkLibraries(loader, options, join(directory, 'root'), binary);
        const script = join(directory, program);
        const words = [...command(join(target, 'root')), join(target, 'root', binary)];
        writeFileSync(script, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(' ')} "$@"\n`);
        chmodSync(script, 0o755);
      }
    });
  }
  return Object.fromEntries([...programs, ...compiled].map((name) => [name, join(target, name)]));
}

/** A program of ours on the unpacked libgbinder, which it is to find by the unpacked loader. */
function compileProgram(source, root, libraries, target) {
  const headers = ['gbinder', 'gutil', 'glib-2.0'].map((name) => `-I${join(root, 'usr/include', name)}`);
  headers.push(`-I${join(root, libraries, 'glib-2.0/include')}`);
  const linked = [`-L${join(root, libraries)}`, '-l:libgbinder.so.1', '-l:libglib-2.0.so.0'];
  // They need a newer C library than the compiler knows.
  linked.push('-Wl,--allow-shlib-undefined');
  run('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', ...headers, source, '-o', join(root, target), ...linked]);
}

/** Every library must come from the bundle: one of the machine's own would not be pinned. */
function checkLibraries(loader, options, root, binary) {
  const list = run(loader, [...options, '--list', join(root, binary)]);
  for (const [, library, path] of list.matchAll(/^\s*(\S+) => (.*?)(?: \(0x.*)?$/gm)) {
    if (!path.startsWith(root)) {
      throw new Problem(
        `${binary} would load ${library} from "${path}": add the package that has it to outside.json`,
      );
    }
  }
}

function renewBundles(debian, names) {
  const packages = names.flatMap((name) => debian.bundles[name].packages);
  const apt = privateApt(debian);
  const offers = readIndex(apt, [...new Set(packages.map(({ name }) => name))]);
  for (const pin of packages) {
    // apt-cache shows the candidate, the newest, first.
    const newest = offers.get(pin.name)[0];
    if (newest === undefined) {
      throw new Problem(`Suite ${debian.suite} has no package ${pin.name}: mend its name in outside.json`);
    }
    Object.assign(pin, newest);
  }
}

// ---- The command ----------------------------------------------------------------------------------------

function writePins(pins) {
  // As biome formats it: short lists of words on one line.
  const text = JSON.stringify(pins, null, 2).replace(/\[\s+("[^\]{]*")\s+\]/g, (_, words) => {
    return `[${words.replace(/\s+/g, ' ')}]`;
  });
  writeFileSync(pinFile, `${text}\n`);
}

function main(args) {
  const pins = JSON.parse(readFileSync(pinFile, 'utf8'));
  const known = ['rust', ...Object.keys(pins.debian.bundles)];
  const options = args.filter((arg) => arg.startsWith('--'));
  const wanted = args.filter((arg) => !arg.startsWith('--'));
  const wrong =
    options.find((option) => !['--json', '--renew'].includes(option)) ??
    wanted.find((group) => !known.includes(group));
  if (wrong !== undefined)
    throw new Problem(`Unknown argument ${wrong}: use --json, --renew, ${known.join(', ')}`);
  const groups = wanted.length > 0 ? wanted : known;
  const bundles = groups.filter((group) => group !== 'rust');

  if (options.includes('--renew')) {
    const before = readFileSync(pinFile, 'utf8');
    if (groups.includes('rust')) renewRust(pins);
    if (bundles.length > 0) renewBundles(pins.debian, bundles);
    writePins(pins);
    say(readFileSync(pinFile, 'utf8') === before ? 'The pins are the newest already' : `Rewrote ${pinFile}`);
    return;
  }

  const programs = {};
  for (const group of groups) {
    Object.assign(programs, group === 'rust' ? buildRust(pins) : unpackBundle(pins.debian, group));
  }
  if (options.includes('--json')) {
    console.log(JSON.stringify(programs, null, 2));
  } else {
    for (const [name, path] of Object.entries(programs)) console.log(`${name} ${path}`);
  }
}

/** Two runs at once would tread on each other's cache: everything happens under one lock. */
function underLock() {
  mkdirSync(cache, { recursive: true });
  const { error, status } = spawnSync(
    'flock',
    [join(cache, 'lock'), process.execPath, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
      env: { ...process.env, UBINDER_OUTSIDE_LOCKED: '1' },
    },
  );
  if (error) throw new Problem(`Cannot run flock: ${error.message}`);
  return status ?? 1;
}

try {
  if (process.env.UBINDER_OUTSIDE_LOCKED) {
    // Compiling for minutes should not slow down whatever else this machine does.
    setPriority(10);
    main(process.argv.slice(2));
  } else {
    process.exitCode = underLock();
  }
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  say(error.message);
  process.exitCode = 1;
}
