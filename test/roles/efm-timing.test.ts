// Goal: the best, mean and worst times that follow from EFM's documentation hold to the millisecond, and each setting moves
// what it is said to move.
// Method: real statecharts on the virtual clock at EFM's own defaults; the fault falls right after or right before a check or
// a heartbeat, and instants of commands are read.
import { describe, expect, test } from 'vitest';
import { AgentCluster, generations, takesMs } from './agent-cluster.ts';

const [P, L, F, R, N] = [10_000, 60_000, 10_000, 10_000, 50_000];
const K = { newest: 1000, '3.9': 2000 } as const;
const defaults = (version: string) => ({
  'local.period': '10',
  'local.timeout': '60',
  'local.timeout.final': '10',
  'remote.timeout': '10',
  'node.timeout': '50',
  'recovery.check.period': version === '3.9' ? '2' : '1',
});
/** A question and its answer between two agents. */
const roundTripMs = 2 * takesMs.message;
/** The primary's checks begin when its role is known, and take as long as a query. */
const checkMs = 100_000 + takesMs.query;

function faultAt(atMs: number, version: string, fault: (cluster: AgentCluster) => void, properties = {}) {
  const cluster = new AgentCluster({ ...defaults(version), ...properties }, { version });
  cluster.clock.setTimeout(() => fault(cluster), atMs - cluster.clock.nowMs());
  cluster.clock.runUntil(atMs + 200_000);
  return cluster;
}

const down = (cluster: AgentCluster) => void cluster.servers.set('a', 'down');
const hung = (cluster: AgentCluster) => cluster.played.hang('a');
const gone = (cluster: AgentCluster) => cluster.loseNode('a');

/** The first good check after 100 s ends here. */
const goodCheckMs = checkMs + takesMs.query;

describe.each(generations)('$name: from the fault to its confirmation', ({ version }) => {
  const confirmMs = (atMs: number, fault: (cluster: AgentCluster) => void, properties = {}): number =>
    faultAt(atMs, version, fault, properties).atMs('stopServer') - atMs;

  test('database down: at worst local.timeout, at best one period less, on average half of it', () => {
    const asking = takesMs.query + roundTripMs + takesMs.query;
    expect(confirmMs(goodCheckMs + 1, down)).toBe(L - 1 + asking);
    expect(confirmMs(checkMs + P - 1, down)).toBe(L - P + takesMs.query + 1 + asking);
    const phases = Array.from({ length: 20 }, (_, at) => goodCheckMs + 1 + (at * P) / 20);
    const meanMs = phases.reduce((sum, atMs) => sum + confirmMs(atMs, down), 0) / phases.length;
    expect(Math.abs(meanMs - (L - P / 2))).toBeLessThan(P / 40 + asking + 1);
  });

  test('database hung: the final check and the question take their whole limits besides', () => {
    expect(confirmMs(goodCheckMs + 1, hung)).toBe(L - 1 + F + R + roundTripMs);
    expect(confirmMs(checkMs + P - 1, hung)).toBe(L - P + takesMs.query + 1 + F + R + roundTripMs);
  });

  test.each([
    ['local.timeout', '70', 10_000],
    ['local.timeout.final', '12', 2000],
    ['remote.timeout', '14', 4000],
    ['node.timeout', '90', 0],
  ])('hung: %s=%s moves it by %i ms', (name, value, byMs) => {
    const before = confirmMs(goodCheckMs + 1, hung);
    expect(confirmMs(goodCheckMs + 1, hung, { [name]: value }) - before).toBe(byMs);
  });
});

describe.each(generations)('$name: from the loss of the node to its detach', ({ version }) => {
  const beatMs = 100_000;
  const detachMs = (atMs: number, properties = {}): number =>
    faultAt(atMs, version, gone, properties).atMs('loadBalancerDetach') - atMs;

  test('at worst node.timeout after the last heartbeat, and remote.timeout for a silent host', () => {
    expect(detachMs(beatMs + takesMs.message + 1)).toBe(N - 1 + R + roundTripMs);
  });

  test('at best a heartbeat less', () => {
    expect(detachMs(beatMs + 999)).toBe(N - 1000 + takesMs.message + 1 + R + roundTripMs);
  });

  test.each([
    ['node.timeout', '60', 10_000],
    ['remote.timeout', '4', -6000],
    ['local.timeout', '90', 0],
    ['local.period', '20', 0],
  ])('%s=%s moves it by %i ms', (name, value, byMs) => {
    expect(detachMs(beatMs + 500, { [name]: value }) - detachMs(beatMs + 500)).toBe(byMs);
  });
});

describe.each(generations)('$name: from the confirmation to the new primary', ({ name, version }) => {
  const polledMs = Math.ceil(takesMs.promote / K[name]) * K[name];
  const replayMs = version === '3.9' ? 2 * (roundTripMs + takesMs.file) : 0;

  test('the sum of stop, hooks, pings, polls and VIP', () => {
    const cluster = faultAt(goodCheckMs + 1, version, down, {
      'virtual.ip': '10.0.0.9',
      'script.db.failure': 'failed',
      'script.fence': 'fence',
      'script.remote.pre.promotion': 'pre',
    });
    const own = takesMs.stop + 2 * takesMs.script + 2 * takesMs.file;
    const pings = roundTripMs + takesMs.pingUnanswered + takesMs.pingAnswered;
    const choice = takesMs.query + replayMs;
    const hooks = takesMs.message + roundTripMs + takesMs.script + takesMs.script;
    const promoted = takesMs.promote + polledMs + takesMs.query + takesMs.file;
    expect(cluster.atMs('assignVip', 'commandEnded') - cluster.atMs('stopServer')).toBe(
      own + pings + choice + hooks + promoted,
    );
  });

  test('a switchover: its write outage is stop, pings, polls and VIP', () => {
    const cluster = new AgentCluster({ ...defaults(version), 'virtual.ip': '10.0.0.9' }, { version });
    cluster.efm('w', 'promote', '-switchover');
    cluster.clock.runUntil(60_000);
    const outageMs = cluster.atMs('assignVip', 'commandEnded') - cluster.atMs('stopServer');
    const pings = roundTripMs + takesMs.pingUnanswered + takesMs.pingAnswered;
    const promoted = takesMs.promote + polledMs + takesMs.query + takesMs.file;
    expect(outageMs).toBe(takesMs.stop + pings + takesMs.query + replayMs + takesMs.message + promoted);
    expect(outageMs).toBeLessThan(15_000);
  });
});
