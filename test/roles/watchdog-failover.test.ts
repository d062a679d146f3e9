// Goal: what a watchdog makes of failover requests: quorum, votes, quarantine, PCP's bypass, and that the leader's word reaches all.
// Method: the regression scenarios 011 to 015, 018 and 131 of Pgpool-II on several Pgpools of the virtual clock, two or three backends,
// health checks each second. A "fake down" is a health check that fails on one Pgpool only, as in those tests.
import { describe, expect, test } from 'vitest';
import { WatchdogBench } from './watchdog-bench.ts';

function settled(options: ConstructorParameters<typeof WatchdogBench>[0] = {}): WatchdogBench {
  const at = new WatchdogBench(options);
  at.startAll();
  at.pass(60_000);
  return at;
}

const views = (at: WatchdogBench): string[] =>
  at.nodes.flatMap(({ id, running }) => (running ? [at.view(id)] : []));

const leaderOf = (at: WatchdogBench): number => at.leaders()[0] ?? -1;

const followersOf = (at: WatchdogBench): number[] => [0, 1, 2].filter((id) => id !== leaderOf(at));

const allUp = 'waiting:p waiting:s';
const oneDown = 'waiting:p down:s';

test('011: what one Pgpool alone takes for dead stays up for all; what all see goes down; the loss of the leader changes neither', () => {
  const at = settled();
  const [follower = -1] = followersOf(at);
  at.node(follower).fakeDown.add(1);
  at.pass(800);
  expect(views(at).filter((view) => view === oneDown)).toEqual([]);
  at.node(follower).fakeDown.clear();
  at.pass(30_000);
  expect(views(at)).toEqual([allUp, allUp, allUp]);

  Object.assign(at.backends[1] ?? {}, { alive: false });
  at.pass(5000);
  expect(views(at)).toEqual([oneDown, oneDown, oneDown]);
  at.stop(leaderOf(at));
  at.pass(10_000);
  expect(at.leaders()).toHaveLength(1);
  expect(views(at)).toEqual([oneDown, oneDown]);
});

test('012 failover_when_quorum_exists: without quorum a quarantine, with quorum back it ends, then the node goes down everywhere', () => {
  const at = new WatchdogBench({ settings: { failoverRequireConsensus: false } });
  at.start(0);
  at.pass(20_000);
  at.node(0).fakeDown.add(1);
  at.pass(2000);
  expect(at.view(0)).toBe('waiting:p quarantine:s');
  at.node(0).fakeDown.clear();
  at.start(1, 2);
  at.pass(30_000);
  expect(views(at)).toEqual([allUp, allUp, allUp]);
  at.node(0).fakeDown.add(1);
  at.pass(2000);
  expect(views(at)).toEqual([oneDown, oneDown, oneDown]);
});

describe('013 failover_require_consensus', () => {
  test('one vote is noted, the second of the same node is a quarantine there, another node’s brings the node down on all', () => {
    const at = settled();
    const [first = -1, second = -1] = followersOf(at);
    at.node(first).fakeDown.add(1);
    at.pass(990);
    expect(views(at).filter((view) => view !== allUp)).toEqual([]);
    at.pass(1100);
    expect(at.view(first)).toBe('waiting:p quarantine:s');
    expect(at.view(second)).toBe(allUp);
    at.node(second).fakeDown.add(1);
    at.pass(3000);
    expect(views(at)).toEqual([oneDown, oneDown, oneDown]);
  });

  test('with several votes of one node allowed it brings the node down alone', () => {
    const at = settled({ settings: { allowMultipleFailoverRequestsFromNode: true } });
    const [first = -1] = followersOf(at);
    at.node(first).fakeDown.add(1);
    at.pass(4000);
    expect(views(at)).toEqual([oneDown, oneDown, oneDown]);
  });

  test('a leader that alone takes the primary for dead quarantines it and gives the lead up when the votes’ window is over', () => {
    const at = settled();
    const old = leaderOf(at);
    at.node(old).fakeDown.add(0);
    at.pass(3000);
    expect(at.view(old)).toBe('quarantine:s waiting:s');
    at.pass(15_000);
    expect(leaderOf(at)).not.toBe(old);
  });
});

test('half votes: a quorum that shrinks to half takes quarantines back, and the next checks bring them again', () => {
  const at = new WatchdogBench({ members: 4, settings: { enableConsensusWithHalfVotes: true } });
  at.startAll();
  at.pass(60_000);
  const leader = leaderOf(at);
  const [first = -1, second = -1] = [0, 1, 2, 3].filter((id) => id !== leader);
  at.node(leader).fakeDown.add(1);
  at.pass(3000);
  at.kill(first);
  at.pass(5000);
  expect([at.watchdog(leader).quorum(), at.view(leader)]).toEqual(['exists', 'waiting:p quarantine:s']);
  at.kill(second);
  at.pass(100);
  expect([at.watchdog(leader).quorum(), at.view(leader)]).toEqual(['edge', allUp]);
  at.pass(5000);
  expect(at.view(leader)).toBe('waiting:p quarantine:s');
});

test('014 quorum bypass: PCP’s detach is carried out without quorum', () => {
  const at = new WatchdogBench();
  at.start(0);
  at.pass(20_000);
  expect(at.watchdog(0).quorum()).toBe('absent');
  at.node(0).running?.pgpool.detach(1);
  at.pass(2000);
  expect(at.view(0)).toBe(oneDown);
});

test('PCP on a follower is carried out by the leader and reaches all within 0.3 s (measured)', () => {
  const at = settled();
  const [follower = -1] = followersOf(at);
  expect(at.node(follower).running?.pgpool.detach(1)).toMatchObject({ ok: true });
  at.pass(300);
  expect(views(at)).toEqual([oneDown, oneDown, oneDown]);
});

test('015: leader and a backend lost together: a new leader, the backend down on the two that remain', () => {
  const at = settled();
  Object.assign(at.backends[1] ?? {}, { alive: false });
  at.kill(leaderOf(at));
  at.pass(30_000);
  expect(at.leaders()).toHaveLength(1);
  expect(views(at)).toEqual([oneDown, oneDown]);
});

describe('018 detach_primary: a standby promoted beside the true primary', () => {
  const pgpool = { detachFalsePrimary: true, srCheckPeriodMs: 1000 };
  function promoteTwo(at: WatchdogBench): void {
    Object.assign(at.backends[2] ?? {}, { inRecovery: false, upstream: null });
  }

  test('with one Pgpool of three nothing goes down, with all it does', () => {
    const at = new WatchdogBench({ backends: 3, pgpool });
    at.start(0);
    at.pass(20_000);
    promoteTwo(at);
    at.pass(5000);
    expect(at.view(0)).toBe('waiting:p waiting:s quarantine:s');
    at.start(1, 2);
    at.pass(40_000);
    expect(views(at).map((view) => view.split(' ')[2])).toEqual(['down:s', 'down:s', 'down:s']);
  });

  test('131 (from 4.6 on): only a leader with quorum detaches, so two backends never go down together', () => {
    const at = settled({ pgpool: { ...pgpool, version: '4.6.0' } });
    const [first = -1] = followersOf(at);
    at.node(first).fakeDown.add(0);
    at.node(leaderOf(at)).fakeDown.add(0);
    Object.assign(at.backends[1] ?? {}, { inRecovery: false, upstream: null });
    for (let seconds = 0; seconds < 30; seconds += 1) {
      at.pass(1000);
      for (const view of views(at)) expect(view).not.toMatch(/^down:. down:.$/);
    }
  });
});

test('while the leader’s follow run lasts no other Pgpool looks for false primaries', () => {
  const at = settled({ backends: 3, pgpool: { hasFollowCommand: true, srCheckPeriodMs: 500 } });
  const leader = leaderOf(at);
  const [follower = -1] = followersOf(at);
  const viewOf = (id: number) => at.node(id).running?.pgpool.replication();
  Object.assign(at.backends[1] ?? {}, { inRecovery: false, upstream: null });
  at.node(leader).running?.pgpool.promote(1);
  at.pass(1000);
  expect(at.node(leader).running?.pgpool.following()).toBe(true);
  const during = viewOf(follower);
  at.pass(1500);
  expect(viewOf(follower)).toBe(during);
  at.pass(10_000);
  expect(viewOf(follower)).not.toBe(during);
});
