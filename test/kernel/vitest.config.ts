import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    include: ['test/kernel/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 400_000,
    // The first boot of a kernel fetches it.
    hookTimeout: 900_000,
    // One emulated machine keeps two cores busy.
    fileParallelism: false,
  },
});
