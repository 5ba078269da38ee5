import { defineConfig } from 'vitest/config';

/** Files that change nothing in their process for those after them: they share it, and what they import. */
const pure = ['src/{abi,aidl,binder,driver,page}/**/*.test.ts', 'test/{unit,aidl,simulation}/**/*.test.ts'];

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    testTimeout: 30_000,
    // On a busy machine what tests need takes its time, too
    hookTimeout: 60_000,
    // Half the time of a test file is spent waiting for processes: one worker for each core keeps the cores busy.
    maxWorkers: '100%',
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: {
          name: 'host',
          include: ['src/**/*.test.ts', 'test/{scenarios,mount}/**/*.test.ts'],
          exclude: pure,
        },
      },
    ],
  },
});
