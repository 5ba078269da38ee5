import type { ChildProcess } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// The examples of two processes each, over a mount, with a service manager that looks for clients often.

const mode: Mode = whyNot('root') ? 'rootless' : 'root';
const reason = whyNot(mode);
if (reason) console.warn(`SKIPPED: examples: ${reason}`);

const root = fileURLToPath(new URL('../..', import.meta.url));

const MANAGER = `
import { connect } from 'ubinder';
import { ServiceManager } from 'ubinder/servicemanager';
await ServiceManager.serve(await connect(), { clientsInterval: 50 });
console.log('ready');
`;

/** What the service says, what its client says, and what the service says after that. */
const EXAMPLES: readonly (readonly [name: string, ready: string, client: string, afterwards: string])[] = [
  ['echo', 'serving echo\n', 'hello, from this process\n', ''],
  ['callbacks', 'serving bell\n', '1 listens\nheard it ring, 1 time in all\n', 'a listener died, 0 left\n'],
  ['files', 'serving library\n', 'Binder, a book of one line\ncounted all bytes\n', ''],
  [
    'chat',
    'serving chat\n',
    'heard: hello\nlisteners: 1\nhistory: hello\nread: 3, 16 bytes\n',
    'somebody left, 0 listen\n',
  ],
  ['lazy', 'serving lazy-echo\n', 'are you awake?\n', 'somebody uses it\nnobody uses it\n'],
];

describe.skipIf(reason !== null)('examples', () => {
  let folder: string;
  let mount: TestMount;
  let descriptors: number;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ubinder-examples-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/ubinder'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
    writeFileSync(join(folder, 'manager.js'), MANAGER);
    for (const [name] of EXAMPLES) {
      for (const file of readdirSync(join(root, 'examples', name))) compile(`${name}/${file}`);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(async () => {
    mount = await TestMount.start(mode, { seconds: 60 });
    ({ descriptors } = await mount.status());
  });
  afterEach(() => mount.stop());

  function compile(file: string): void {
    const { outputText } = ts.transpileModule(readFileSync(join(root, 'examples', file), 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const target = join(folder, file.replace(/ts$/, 'js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }

  function start(script: string): { child: ChildProcess; said: () => string; ended: Promise<unknown> } {
    const child = mount.spawn([process.execPath, join(folder, script)], {
      env: { ...process.env, UBINDER: mount.device() },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
    }
    return { child, said: () => said, ended: new Promise((done) => child.once('close', done)) };
  }

  test.each(EXAMPLES)('%s', async (name, ready, client, afterwards) => {
    const manager = start('manager.js');
    await expect.poll(manager.said, { timeout: 20_000 }).toBe('ready\n');
    const service = start(`${name}/service.js`);
    await expect.poll(service.said, { timeout: 20_000 }).toBe(ready);
    const caller = start(`${name}/client.js`);
    expect(await caller.ended).toBe(0);
    expect(caller.said()).toBe(client);
    await expect.poll(service.said, { timeout: 20_000 }).toBe(ready + afterwards);
    // The lazy one ends by itself.
    if (name !== 'lazy') service.child.kill('SIGTERM');
    await service.ended;
    manager.child.kill('SIGTERM');
    await manager.ended;
    await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
  });
});
