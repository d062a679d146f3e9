/** Service times of a small model for tests of its shape. */
export const testServiceTimes = [
  'read',
  'write',
  'connect',
  'stopServer',
  'startServer',
  'promoteServer',
  'rebuildServer',
  'script',
  'network',
  'replication',
]
  .map((name) => `  ${name}: { mean: 1ms, source: test }`)
  .join('\n');
