// Goal: whatever happens to a cluster, EFM's agents keep the rules of method.md EFM 4.
// Method: random sequences of faults and commands on real statecharts over played servers; fast-check shrinks a failing one.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AgentCluster } from './agent-cluster.ts';
import { type Fault, faultsFor, inflict } from './cluster-faults.ts';
import { ClusterRules } from './cluster-rules.ts';

const seed = Number(process.env.PGDRILL_SEED ?? 20_200_318);
const numRuns = Number(process.env.PGDRILL_RUNS ?? 60);
const stepMs = 500;

interface Life {
  nodes: string;
  vip: boolean;
  faults: Fault[];
}

const lives: fc.Arbitrary<Life> = fc
  .constantFrom('abcw', 'abcdw', 'abcd')
  .chain((nodes) => fc.record({ nodes: fc.constant(nodes), vip: fc.boolean(), faults: faultsFor(nodes) }));

function live(version: string, { nodes, vip, faults }: Life): ClusterRules {
  const cluster = new AgentCluster(
    { 'script.fence': 'fence %p %f', ...(vip ? { 'virtual.ip': '10.0.0.9' } : {}) },
    { version, nodes, own: { c: { promotable: 'false' } } },
  );
  const rules = new ClusterRules(cluster, version.startsWith('5'));
  const pass = (forMs: number): void => {
    for (let leftMs = forMs; leftMs > 0; leftMs -= stepMs) {
      cluster.clock.runUntil(cluster.clock.nowMs() + Math.min(stepMs, leftMs));
      rules.look();
    }
  };
  pass(3000);
  for (const fault of faults) {
    if (inflict(cluster, fault)) rules.disturbed(fault);
    rules.look();
    pass(fault.thenMs);
  }
  pass(40_000);
  return rules;
}

test.each(['5.4', '4.10', '3.9'])(
  'EFM %s keeps its rules under any sequence of faults and commands',
  (version) => {
    const replay = `replay: PGDRILL_SEED=${seed} PGDRILL_RUNS=${numRuns} npx vitest run test/roles/efm-invariants.test.ts`;
    let promotions = 0;
    fc.assert(
      fc.property(lives, (life) => {
        const rules = live(version, life);
        promotions += rules.promotions;
        expect(rules.broken, `${replay}\n${JSON.stringify(life)}`).toEqual([]);
      }),
      { seed, numRuns },
    );
    expect(promotions).toBeGreaterThan(numRuns / 10);
  },
  120_000,
);
