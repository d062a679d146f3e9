import type { Manifest } from '../../src/recording/manifest.ts';

/** A manifest for tests that need one and do not look at it. */
export const manifestSample: Manifest = {
  schema: 'pgdrill/manifest@1',
  world: 'live',
  seed: 1,
  version: '0.1.0',
  commit: null,
  scenarioHash: 'a',
  clusterHash: 'b',
  scenario: {
    name: 'sample',
    scale: 1,
    classes: [{ name: 'read', kind: 'read', script: 'builtin:select-only', perSecond: 100 }],
    sessions: 4,
    sessionLifetimeMs: null,
    patienceMs: 1000,
    timeoutMs: 5000,
    warmupMs: 1000,
    measureMs: 4000,
    drills: [],
    thresholds: [],
  },
  servers: [
    { name: 'server1', address: '127.0.82.1', port: 5432, backendId: 0, weight: 1, roleAtStart: 'primary' },
  ],
  components: [{ name: 'PostgreSQL', kind: 'real', version: '15.18' }],
  capped: false,
  calibrated: false,
  transport: 'pg',
  settings: [],
  startedAt: null,
};
