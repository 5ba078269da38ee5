#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Brings the outside programs of the interop suite into the cache and prints where they are.
// Versions and checksums are pinned in ../support/outside.json; README.md tells what the programs are.
//
//   node test/interop/fetch.mjs [--json] [GROUP...]   fetch, check, unpack, build (GROUP: rust libgbinder python aidl)
//   node test/interop/fetch.mjs --renew [GROUP...]    rewrite the pins to what the registries have today
//
// Progress goes to standard error; standard output has one `NAME PATH` line for each program, or with
// --json one object {NAME: PATH}. What is in the cache already costs no network and no time.

import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  cache,
  debFile,
  fetchDebs,
  makeDirectory,
  Problem,
  privateApt,
  readIndex,
  readPins,
  run,
  runUnderLock,
  say,
  updateIndex,
  writePins,
} from '../support/outside.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const rustProject = join(here, 'rust');
/** Read by the project's build. */
const wireAidl = join(here, '../aidl/wire/aidl');
const renewCommand = 'node test/interop/fetch.mjs --renew';

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

const remedy =
  `Renew the pins with: ${renewCommand}\n` +
  'then run the interop suite and commit test/support/outside.json';

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
  const { packages, programs, compiled = [], environment = {} } = bundles[bundleName];
  const sources = join(here, bundleName);
  const hash = createHash('sha256').update(JSON.stringify(bundles[bundleName]));
  if (compiled.length > 0) {
    for (const file of readdirSync(sources).sort()) hash.update(readFileSync(join(sources, file)));
  }
  const target = join(cache, `${bundleName}-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(target)) {
    fetchDebs(debian, packages, remedy);
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
        const variables = Object.entries(environment).map(
          ([name, path]) => `export ${name}='${join(target, 'root', path)}'\n`,
        );
        writeFileSync(
          script,
          `#!/bin/sh\n${variables.join('')}exec ${words.map((word) => `'${word}'`).join(' ')} "$@"\n`,
        );
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
  updateIndex(apt);
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

function main(args) {
  const pins = readPins();
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
    if (groups.includes('rust')) renewRust(pins);
    if (bundles.length > 0) renewBundles(pins.debian, bundles);
    writePins(pins);
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

runUnderLock(main);
