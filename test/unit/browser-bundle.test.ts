import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';

/** Bundles a file of src/binder with everything that it imports, for browsers. */
async function bundle(path: string): Promise<string> {
  await using build = await rolldown({
    input: fileURLToPath(new URL(`../../src/binder/${path}`, import.meta.url)),
    platform: 'browser',
  });
  const { output } = await build.generate({ format: 'esm', minify: true });
  expect(output.length).toBe(1);
  expect(output[0].imports).toEqual([]);
  return output[0].code;
}

test.each(['runtime/index.ts', 'connections/local-driver.ts', 'connections/port.ts'])(
  '%s runs in browsers, in at most 40 KB',
  async (path) => {
    const code = await bundle(path);
    expect(code).not.toMatch(/["']node:/);
    expect(gzipSync(code).length).toBeLessThan(40 * 1024);
    // The real thing, not an empty shell.
    expect(code).toMatch(/Cannot/);
  },
);
