import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: { include: ['test/web/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000 },
});
