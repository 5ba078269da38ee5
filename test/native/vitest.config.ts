import { defineConfig } from 'vitest/config';
import { slowness } from '../support/slowness.ts';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    include: ['test/native/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 200_000 * slowness,
    hookTimeout: 60_000 * slowness,
    // The mounts of the modes share two cores: one after the other measures what it means to measure.
    fileParallelism: false,
  },
});
