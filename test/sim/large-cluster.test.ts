// Goal: a cluster of a hundred servers, each with processors of its own, is simulated like a small one.
import { expect, test } from 'vitest';
import { simulateRun, totalOf } from './simulated-run.ts';

test('a hundred standbys with cores of their own share the reads', async () => {
  const { recording } = await simulateRun({
    ...{ durationMs: 5000, readsPerSecond: 400, writesPerSecond: 5, drills: [] },
    change: (cluster) => {
      const names = Array.from({ length: 100 }, (_, index) => `extra${index}`);
      const [, standby] = cluster.backends;
      if (!standby) throw new Error('the model has no standby');
      const added = names.map((server, index) => ({
        ...{ ...standby, server, id: cluster.backends.length + index, weight: 1 },
      }));
      const places = names.map((name) => ({ name, address: '127.0.77.99', cpu: 1, cap: null }));
      return {
        ...cluster,
        servers: [...cluster.servers, ...places],
        backends: [...cluster.backends, ...added],
        pgpoolSettings: { ...cluster.pgpoolSettings, num_init_children: '200' },
      };
    },
  });
  expect(totalOf(recording, 'read', 'ok') + totalOf(recording, 'read', 'skipped')).toBe(2000);
  const served = new Set(recording.intervals.flatMap(({ readsByServer }) => Object.keys(readsByServer)));
  expect(served.size).toBeGreaterThan(5);
});
