#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Brings Debian's kernels into the cache, as box.mjs boots them: vmlinuz, and an initramfs with the modules it needs.
// Versions and checksums are pinned in ../support/outside.json.
//
//   node test/kernel/kernels.mjs [KERNEL...]            fetch, check, unpack (KERNEL: 6.1 6.12 7.2)
//   node test/kernel/kernels.mjs --renew [KERNEL...]    rewrite the pins to what the suites have today

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
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
  sha256,
  updateIndex,
  writePins,
} from '../support/outside.mjs';

/** What the guest needs before it sees the host's files, and the devices we ask questions; dependencies come by themselves. */
const MODULES = [
  'virtio_pci',
  'virtio_console',
  '9pnet_virtio',
  '9p',
  'overlay',
  'fuse',
  'binder_linux devices=binder,hwbinder,vndbinder',
];

const initFile = fileURLToPath(new URL('init.sh', import.meta.url));

/** The kernels there are, oldest first. */
export const kernelNames = () => Object.keys(readPins().kernels);

/** Where a kernel's `vmlinuz`, `initramfs.gz` and `release` lie once this program has run. */
export function kernelDirectory(name) {
  const { packages } = readPins().kernels[name];
  const recipe = JSON.stringify([packages, MODULES, readFileSync(initFile, 'utf8')]);
  return join(cache, `kernel-${name}-${sha256(recipe).slice(0, 12)}`);
}

/** Which of these programs are missing, with the packages that have them; `null` when all are there. */
export function missingPrograms(packagesByProgram) {
  const missing = Object.entries(packagesByProgram).filter(([program]) => findProgram(program) === undefined);
  if (missing.length === 0) return null;
  const programs = missing.map(([program]) => program).join(', ');
  return `${programs} not found; on Debian: apt-get install ${missing.map(([, name]) => name).join(' ')}`;
}

/** Also where only root's PATH leads. */
function findProgram(name) {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return directories.map((directory) => join(directory, name)).find(existsSync);
}

// ---- Making a kernel bootable ---------------------------------------------------------------------------

function makeKernel(name, kernel) {
  const target = kernelDirectory(name);
  if (existsSync(target)) return;
  const missing = missingPrograms({
    busybox: 'busybox-static',
    cpio: 'cpio',
    modprobe: 'kmod',
    xz: 'xz-utils',
    flock: 'util-linux',
  });
  if (missing !== null) throw new Problem(missing);
  const remedy =
    `Renew the pins with: node test/kernel/kernels.mjs --renew ${name}\n` +
    'then run the kernel suite and commit test/support/outside.json';
  fetchDebs(kernel, kernel.packages, remedy);
  say(`Unpacking Linux ${name} ...`);
  makeDirectory(target, (directory) => {
    const root = mkdtempSync(join(cache, 'unpack.'));
    try {
      for (const pin of kernel.packages) run('dpkg', ['-x', debFile(pin), root]);
      const release = releaseOf(kernel.packages[0].name);
      copyFileSync(findImage(root), join(directory, 'vmlinuz'));
      packInitramfs(root, release, join(directory, 'initramfs.gz'));
      writeFileSync(join(directory, 'release'), `${release}\n`);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
}

/** `linux-image-6.1.0-50-amd64` is the package of the kernel that calls itself `6.1.0-50-amd64`. */
const releaseOf = (packageName) => packageName.replace(/^linux-[a-z]+-/, '');

/** In /boot or beside the modules: suites differ. */
function findImage(root) {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const image = entries.find((entry) => entry.isFile() && entry.name.startsWith('vmlinuz'));
  if (image === undefined)
    throw new Problem('The packages contain no vmlinuz: add the one that has it to outside.json');
  return join(image.parentPath, image.name);
}

/** busybox, init.sh as /init, and the modules with the order in which they are inserted. */
function packInitramfs(root, release, target) {
  const tree = join(root, 'initramfs');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'modules', 'low', 'high', 'root']) {
    mkdirSync(join(tree, name), { recursive: true });
  }
  const busybox = realpathSync(findProgram('busybox'));
  if (spawnSync('ldd', [busybox]).status === 0) {
    throw new Problem(`${busybox} is not statically linked; on Debian: apt-get install busybox-static`);
  }
  copyFileSync(busybox, join(tree, 'bin/busybox'));
  copyFileSync(initFile, join(tree, 'init'));
  for (const file of ['bin/busybox', 'init']) chmodSync(join(tree, file), 0o755);

  if (!existsSync(join(root, 'lib'))) run('ln', ['-s', 'usr/lib', join(root, 'lib')]);
  run(findProgram('depmod'), ['-b', root, release]);
  /** name -> arguments; a Map keeps the order. */
  const order = new Map();
  for (const line of MODULES) {
    const [module, ...parameters] = line.split(' ');
    const steps = run(findProgram('modprobe'), ['-d', root, '-S', release, '--show-depends', module]);
    for (const [, path] of steps.matchAll(/^insmod (\S+)/gm)) {
      const name = basename(path).replace(/\.ko.*/, '');
      if (order.has(name)) continue;
      order.set(name, name === module ? parameters.join(' ') : '');
      unpackModule(path, join(tree, 'modules', name));
    }
  }
  const lines = [...order].map(([name, parameters]) => `${name} ${parameters}\n`);
  writeFileSync(join(tree, 'modules/order'), lines.join(''));
  run('sh', ['-c', 'find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet | gzip -1 >"$0"', target], {
    cwd: tree,
  });
}

function unpackModule(path, target) {
  if (path.endsWith('.ko')) {
    copyFileSync(path, target);
    return;
  }
  const program = path.endsWith('.xz') ? 'xz' : 'zstd';
  run(program, ['-dcq', path], { stdio: ['ignore', openSync(target, 'w'), 'inherit'] });
}

// ---- Renewing the pins ----------------------------------------------------------------------------------

function renewKernel(name, kernel) {
  const apt = privateApt(kernel);
  updateIndex(apt);
  const image = apt('apt-cache', ['depends', 'linux-image-amd64']).match(/Depends: (linux-image-\d\S*)/)?.[1];
  if (image === undefined) throw new Problem(`linux-image-amd64 of ${kernel.suite} depends on no kernel`);
  const release = releaseOf(image);
  // Newer suites split the image; base tells which modules are built in.
  const split = ['binary', 'modules', 'base'].map((part) => `linux-${part}-${release}`);
  const offers = readIndex(apt, [...split, image]);
  const names = split.every((part) => offers.get(part).length > 0) ? split : [image];
  const packages = names.map((packageName) => ({ name: packageName, ...offers.get(packageName)[0] }));
  if (packages.some(({ version }) => !version.startsWith(`${name}.`))) {
    throw new Problem(
      `Suite ${kernel.suite} has Linux ${packages[0].version} now, not ${name}: ` +
        'give the entry of that kernel in outside.json a suite that has it',
    );
  }
  kernel.packages = packages;
}

// ---- The command ----------------------------------------------------------------------------------------

function main(args) {
  const pins = readPins();
  const known = Object.keys(pins.kernels);
  const wanted = args.filter((arg) => arg !== '--renew');
  const wrong = wanted.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new Problem(`Unknown argument ${wrong}: use --renew, ${known.join(', ')}`);
  const renew = args.includes('--renew');
  for (const name of wanted.length > 0 ? wanted : known) {
    if (renew) renewKernel(name, pins.kernels[name]);
    else makeKernel(name, pins.kernels[name]);
  }
  if (renew) writePins(pins);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) runUnderLock(main);
