import { expect, test } from 'vitest';
import { connectionBudget } from '../../../src/study/plan/connections.ts';

// Goal: children × kept pairs against what a server takes, by Pgpool's own rule.

const pgpoolSettings = { num_init_children: '40', max_pool: '2', reserved_connections: '4' };

test.each([
  [1, null, 40, 97, 'PostgreSQL default', true, false],
  [2, null, 80, 97, 'PostgreSQL default', true, false],
  [3, null, 80, 97, 'PostgreSQL default', true, true],
  [2, 80, 80, 77, 'option', false, false],
] as const)(
  '%i databases, max_connections %s',
  (databases, maxConnections, perServer, available, source, fits, thrashes) => {
    const budget = connectionBudget({ pgpoolSettings, postgresSettings: {} }, { databases, maxConnections });
    expect(budget).toEqual({
      children: 40,
      reserved: 4,
      databases,
      maxPool: 2,
      perServer,
      available,
      source,
      fits,
      thrashes,
    });
  },
);

test("the model's own settings count before PostgreSQL's defaults", () => {
  const postgresSettings = { max_connections: '60', superuser_reserved_connections: '10' };
  const budget = connectionBudget(
    { pgpoolSettings, postgresSettings },
    { databases: 2, maxConnections: null },
  );
  expect(budget).toMatchObject({ available: 50, source: 'model', fits: false });
});
