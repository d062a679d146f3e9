// Goal: the drawn statecharts are those of the code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { statechartDocuments } from '../../src/roles/diagram.ts';

test.each(statechartDocuments())(
  'models/statecharts/$file is current (npm run statecharts)',
  ({ file, text }) => {
    expect(readFileSync(join(import.meta.dirname, '../../models/statecharts', file), 'utf8')).toBe(text);
  },
);

test('the agent’s failover path is in its drawing', () => {
  const agent = statechartDocuments().find(({ file }) => file === 'efm-agent.md')?.text ?? '';
  expect(agent).toContain('| primary.askCluster | answered | anyReaches | idle |');
  expect(agent).toContain(
    'promoting_awaitingRecoveryEnd_waiting --> promoting_awaitingRecoveryEnd_asking: after recoveryCheckPeriod',
  );
});
