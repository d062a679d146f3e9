import { defineConfig } from 'vitest/config';

// Tests that start servers of their own and look at what those do, not at how long it takes.
const sideBySide = [
  'test/lab/pgpool-config-oracle.test.ts',
  'test/lab/pgpool-differential.test.ts',
  'test/lab/scripts.test.ts',
  'test/lab/sweep.test.ts',
  'test/load/wire/transport.test.ts',
  'test/load/wire/falling-back.test.ts',
  'test/load/wire/proxy.test.ts',
  'test/load/engine/*.test.ts',
  'test/load/pgbench/*.test.ts',
];

// Four groups, one after the other: tests of code alone, then those on servers of their own, both side by side; tests on
// whole labs one at a time, for two labs on two cores would time each other; tests in a real browser last.
export default defineConfig({
  test: {
    // Vitest would leave a core of two idle.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/browser/**', ...sideBySide],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'servers',
          include: [...sideBySide],
          // They wait more than they compute.
          maxWorkers: 4,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          exclude: [...sideBySide],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
