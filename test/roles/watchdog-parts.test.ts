// Goal: the parts of a watchdog node keep their rules one by one, where a whole cluster would hide a broken one behind another.
// Method: each part alone on the virtual clock, with a port that notes what it is asked for.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import type { GatedRequest, GateVerdict } from '../../src/roles/pgpool-host.ts';
import { NodeRequests } from '../../src/roles/pgpool-requests.ts';
import { completeSettings } from '../../src/roles/pgpool-settings.ts';
import { WatchdogBeacon } from '../../src/roles/watchdog-beacon.ts';
import { WatchdogFailovers } from '../../src/roles/watchdog-failovers.ts';
import type { WatchdogHost, WatchdogInfo, WatchdogMessage } from '../../src/roles/watchdog-host.ts';
import { rankOf } from '../../src/roles/watchdog-info.ts';
import { WatchdogLifeCheck } from '../../src/roles/watchdog-lifecheck.ts';
import { WatchdogMembers } from '../../src/roles/watchdog-members.ts';
import { bench } from './pgpool-bench.ts';
import { watchdogDefaults } from './watchdog-bench.ts';

const settings = {
  ...watchdogDefaults,
  nodes: [0, 1, 2].map((id) => ({ id, host: 'p', pgpoolPort: 1, wdPort: 2 })),
};

test('of two leaders quorum decides before escalation, and escalation before age', () => {
  const info = (more: Partial<WatchdogInfo>): WatchdogInfo => ({
    state: 'LEADER',
    priority: 1,
    startedAtMs: 0,
    quorum: 'exists',
    escalated: false,
    ...more,
  });
  const inOrder = [
    info({ startedAtMs: 9, escalated: true }),
    info({ startedAtMs: 5 }),
    info({ startedAtMs: 7 }),
    info({ quorum: 'edge', startedAtMs: 1, escalated: true }),
    info({ quorum: 'absent', startedAtMs: 0, escalated: true }),
    info({ quorum: 'absent', startedAtMs: 0 }),
  ];
  for (const [place, better] of inOrder.entries()) {
    for (const other of inOrder.slice(place + 1)) {
      expect(rankOf(better, other)).toBeGreaterThan(0);
      expect(rankOf(other, better)).toBeLessThan(0);
    }
  }
});

const standby: WatchdogInfo = {
  state: 'STANDBY',
  priority: 1,
  startedAtMs: 0,
  quorum: 'absent',
  escalated: false,
};

test('a peer whose connection was lost is there when it speaks; one that the life check gave up only when that finds it', () => {
  const members = new WatchdogMembers([1, 2]);
  for (const id of [1, 2]) members.heard(id, 0, standby);
  members.lost(1, 'connection');
  members.lost(2, 'lifeCheck');
  expect(members.alive).toEqual([]);
  for (const id of [1, 2]) members.heard(id, 1, standby);
  expect(members.alive).toEqual([1]);
  members.found(2);
  expect(members.alive).toEqual([1, 2]);
});

test('a leader gives up a standby that has left three beacons unanswered, one that answers stays', () => {
  const clock = new VirtualClock();
  const members = new WatchdogMembers([1, 2]);
  for (const id of [1, 2]) members.heard(id, 0, standby);
  const lost: [number, number][] = [];
  const beacon = new WatchdogBeacon({
    clock,
    part: () => 'leads',
    alive: () => members.alive,
    count: (node) => members.beaconSent(node),
    send: () => members.heard(2, clock.nowMs()),
    leaderHeardAtMs: () => 0,
    lostFollower: (node) => {
      lost.push([node, clock.nowMs()]);
      members.lost(node, 'connection');
    },
    lostLeader: () => {},
    retryLost: () => {},
  });
  beacon.start();
  clock.runUntil(100_000);
  expect(lost).toEqual([[1, 40_000]]);
});

test('a life check begins once, whatever places its node takes, and forgets what it heard before', () => {
  const clock = new VirtualClock();
  const beatsMs: number[] = [];
  const lost: number[] = [];
  const host = {
    clock,
    sendBeat: (node: number) => {
      if (node === 1) beatsMs.push(clock.nowMs());
    },
  } as unknown as WatchdogHost;
  const findings = { lost: (node: number) => lost.push(node), found: () => {} };
  const check = new WatchdogLifeCheck(host, settings, { own: 0, peers: [1, 2], findings });
  for (const peer of [1, 2]) check.beatFrom(peer);
  check.start();
  clock.runUntil(500);
  check.start();
  clock.runUntil(60_500);
  expect(beatsMs).toEqual(
    Array.from({ length: 60 }, (_, beat) => 1000 + settings.heartbeatKeepaliveMs * beat),
  );
  expect(lost).toEqual([]);
  for (const peer of [1, 2]) check.beatFrom(peer);
  clock.runUntil(100_000);
  expect(lost).toEqual([1, 2]);
  check.stop();
  const { length } = beatsMs;
  clock.runUntil(120_000);
  expect(beatsMs).toHaveLength(length);
});

test('what a standby asks for and the leader grants is carried out by the leader alone', () => {
  const sent: WatchdogMessage[] = [];
  const carriedOut: GatedRequest[] = [];
  const host = {
    clock: new VirtualClock(),
    send: (_: number, message: WatchdogMessage) => sent.push(message),
    carryOut: (request: GatedRequest) => carriedOut.push(request),
  } as unknown as WatchdogHost;
  const failovers = new WatchdogFailovers(host, settings, {
    id: 0,
    peers: [1, 2],
    voteWindowMs: 15_000,
    leader: () => 0,
    quorum: () => 'exists',
    resign: () => {},
  });
  const request: GatedRequest = { kind: 'detach', node: 1, confirmed: true };
  failovers.receive(2, { type: 'request', id: 7, request });
  expect(sent).toEqual([{ type: 'verdict', id: 7, verdict: 'wait' }]);
  expect(carriedOut).toEqual([request]);
});

test.each([
  [['unsettled', 'unsettled', 'proceed'], 3, 1],
  [Array.from({ length: 20 }, () => 'unsettled'), 10, 0],
] as [GateVerdict[], number, number][])(
  'without a settled leader a request is put again each second, ten times in all: %j',
  (verdicts, tries, carriedOut) => {
    const clock = new VirtualClock();
    const askedAtMs: number[] = [];
    let done = 0;
    const host = {
      clock,
      gate: (_: GatedRequest, answer: (verdict: GateVerdict) => void) => {
        askedAtMs.push(clock.nowMs());
        answer(verdicts.shift() ?? 'refuse');
      },
    };
    const complete = completeSettings({
      searchPrimaryNodeTimeout: 3,
      hasFollowCommand: false,
      failoverOnBackendError: false,
      failoverOnBackendShutdown: false,
      numInitChildren: 8,
    });
    const requests = new NodeRequests(host as never, complete, {
      state: () => ({ status: ['up', 'up'], primary: 0, main: 0 }),
      carryOut: () => {
        done += 1;
      },
    });
    requests.degenerate(1, false);
    clock.runUntil(60_000);
    expect(askedAtMs).toEqual(Array.from({ length: tries }, (_, second) => second * 1000));
    expect(done).toBe(carriedOut);
  },
);

test('a leader that knows of no primary takes away none that is in use here, and one that is down it does', () => {
  const at = bench();
  at.pgpool.sync(['up', 'up', 'up'], -1);
  expect(at.nodes()).toBe('waiting:p waiting:s waiting:s');
  at.pgpool.sync(['down', 'up', 'up'], -1);
  expect(at.nodes()).toBe('down:s waiting:s waiting:s');
});
