import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Layers that keep nothing between two calls but what they would work out again the same: their tests share one set of loaded
// modules a worker.
const pureLayers = [
  'analysis',
  'drills',
  'kernel',
  'recording',
  'report',
  'roles',
  'scenario',
  'sim',
  'topology',
  'workload',
].map((layer) => `test/${layer}/**/*.test.ts`);

// They measure the memory of their process, and want one of their own.
const alone = ['test/workload/pool-allocation.test.ts', 'test/workload/slice-recorder.test.ts'];

// Tests that start servers of their own and look at what those do, not at how long it takes.
const sideBySide = [
  'test/lab/pgpool-config-oracle.test.ts',
  'test/lab/pgpool-differential.test.ts',
  'test/lab/watchdog-differential.test.ts',
  'test/lab/scripts.test.ts',
  'test/lab/sweep.test.ts',
  'test/load/wire/transport.test.ts',
  'test/load/wire/falling-back.test.ts',
  'test/load/wire/ring-wait.test.ts',
  'test/load/wire/proxy.test.ts',
  'test/load/engine/*.test.ts',
  'test/load/pgbench/*.test.ts',
];

/** Files that take longest, in the order in which they are to begin: none of them is left over for one worker at the end. */
const longest = [
  'drills.test.ts',
  'rehearsal.test.ts',
  'engine.test.ts',
  'survival.test.ts',
  'interrupt.test.ts',
  'against-pgbench.test.ts',
  'caps.test.ts',
  'pgpool-differential.test.ts',
  'scripts.test.ts',
  'timeline.test.ts',
  'timeline-cli.test.ts',
  'lint.test.ts',
  'sweep-cli.test.ts',
  'sensitivity.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = longest.indexOf(basename(moduleId));
      return place === -1 ? longest.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

// Four groups, one after the other: tests of code alone, two at a time; those on servers of their own, which wait more than
// they compute; whole labs, two at a time, of which each keeps a tenth of a core busy; tests in a real browser last.
export default defineConfig({
  test: {
    // Vitest would leave a core of two idle.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'pure',
          include: pureLayers,
          exclude: alone,
          isolate: false,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/browser/**', ...pureLayers, ...sideBySide],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'servers',
          include: [...sideBySide],
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
