// The example page in a real browser: headless Chromium.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';

const example = fileURLToPath(new URL('../../examples/browser/', import.meta.url));

/** Milliseconds until the page has done all: the browser's start on a busy machine is most of it. */
const PAGE_DEADLINE = 90_000;

/** Tells the test, at each change, what the page says and what went wrong. */
const WITNESS = `<script>
  const errors = [];
  const tell = () => {
    const lines = [...document.querySelectorAll('li')].map((line) => line.textContent);
    fetch('/said', { method: 'POST', body: JSON.stringify([...lines, ...errors]) });
  };
  addEventListener('error', ({ message }) => tell(errors.push(message)));
  addEventListener('unhandledrejection', ({ reason }) => tell(errors.push(String(reason))));
  new MutationObserver(tell).observe(document, { childList: true, subtree: true });
</script>`;

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
let said: string[] = [];

beforeAll(async () => {
  const page = await readFile(`${example}index.html`, 'utf8');
  const files = new Map<string, string>([['/', page.replace('<head>', `<head>${WITNESS}`)]]);
  for (const name of ['page', 'worker']) {
    await using build = await rolldown({ input: `${example}${name}.ts`, platform: 'browser' });
    const { output } = await build.generate({ format: 'esm' });
    expect(output.length).toBe(1);
    files.set(`/${name}.js`, output[0].code);
  }
  server = createServer(async (request, response) => {
    const content = files.get(request.url ?? '');
    const type = request.url === '/' ? 'text/html' : 'text/javascript';
    if (request.method === 'POST') {
      const lines = (await json(request)) as string[];
      // Two may overtake each other
      if (lines.length > said.length) said = lines;
      response.end();
    } else response.writeHead(content === undefined ? 404 : 200, { 'content-type': type }).end(content);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  profile = mkdtempSync(`${tmpdir()}/ubinder-web-`);
});

afterAll(() => {
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

test.skipIf(browser === undefined)('Binder in a page and in its Worker', async () => {
  const { port } = server.address() as AddressInfo;
  const child = spawn(
    browser as string,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${profile}`,
      `http://127.0.0.1:${port}/`,
    ],
    { stdio: 'ignore' },
  );
  const gone = once(child, 'exit');
  try {
    await expect
      .poll(() => said, { timeout: PAGE_DEADLINE, interval: 100 })
      .toEqual([
        'the page is guest 1',
        'the worker is guest 2',
        'signed: page (uid 2000), worker (uid 3000)',
        'left: worker (uid 3000)',
      ]);
  } finally {
    child.kill();
    await gone;
  }
});
