// The example page in a real browser: headless Chromium.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';

const example = fileURLToPath(new URL('../../examples/browser/', import.meta.url));

/** Milliseconds of the page's own time in which it must be done; a browser that waits for nothing skips them. */
const PAGE_TIME = 10_000;

/** Chromium, by whichever name it is installed; `null` where it is not. */
const browser = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

let server: Server;
let profile: string;

beforeAll(async () => {
  const files = new Map<string, string>([['/', await readFile(`${example}index.html`, 'utf8')]]);
  for (const name of ['page', 'worker']) {
    await using build = await rolldown({ input: `${example}${name}.ts`, platform: 'browser' });
    const { output } = await build.generate({ format: 'esm' });
    expect(output.length).toBe(1);
    files.set(`/${name}.js`, output[0].code);
  }
  server = createServer((request, response) => {
    const content = files.get(request.url ?? '');
    const type = request.url === '/' ? 'text/html' : 'text/javascript';
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': type }).end(content);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  profile = mkdtempSync(`${tmpdir()}/ubinder-web-`);
});

afterAll(() => {
  server.close();
  rmSync(profile, { recursive: true, force: true });
});

test.skipIf(browser === undefined)('Binder in a page and in its Worker', async () => {
  const { port } = server.address() as AddressInfo;
  const { stdout } = await promisify(execFile)(
    browser as string,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${profile}`,
      `--virtual-time-budget=${PAGE_TIME}`,
      '--dump-dom',
      `http://127.0.0.1:${port}/`,
    ],
    { timeout: 90_000, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
  );
  const lines = [...stdout.matchAll(/<li>(.*?)<\/li>/g)].map(([, text]) => text);
  expect(lines).toEqual([
    'the page is guest 1',
    'the worker is guest 2',
    'signed: page (uid 2000), worker (uid 3000)',
    'left: worker (uid 3000)',
  ]);
});
