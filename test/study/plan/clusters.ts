import { loadModel } from '../../../src/scenario/load.ts';
import type { Model } from '../../../src/scenario/model-shape.ts';
import type { Demand } from '../../../src/study/plan/demand.ts';
import { type Cluster, clusterOf } from '../../../src/topology/cluster.ts';

/** The shipped model of two-core servers, as changed. */
export function capacityCluster(change: (model: Model) => void = () => undefined): Cluster {
  const { model } = loadModel('models/capacity.yaml');
  if (!model) throw new Error('models/capacity.yaml must be readable');
  change(model.value);
  return clusterOf(model.value);
}

/** A load of reads and writes a second through 64 sessions that are kept. */
export function demandOf(reads: number, writes: number, sessions = 64): Demand {
  return {
    readsPerMs: reads / 1000,
    writesPerMs: writes / 1000,
    scripts: {
      read: { statements: 1, brackets: 0, endsInCommit: false },
      write: { statements: 7, brackets: 2, endsInCommit: false },
    },
    sessions,
    sessionLifetimeMs: null,
  };
}
