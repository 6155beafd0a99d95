import { defineConfig } from 'vitest/config';

/** The pure tests only: what meets the kernel is under test/kernel and runs in a private world each. */
export default defineConfig({
  test: { include: ['src/**/*.test.ts', 'test/*.test.ts'], testTimeout: 60_000 },
});
