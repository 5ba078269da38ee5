import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/{unit,scenarios,mount,aidl,simulation}/**/*.test.ts'],
    testTimeout: 30_000,
    // On a busy machine what tests need takes its time, too
    hookTimeout: 60_000,
    // Half the time of a test file is spent waiting for processes: one worker for each core keeps the cores busy.
    maxWorkers: '100%',
  },
});
