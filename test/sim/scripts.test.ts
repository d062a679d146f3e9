// Goal: the models of the integration scripts decide as scripts/efm do.
// Method: three servers with fixed times and Pgpool's statechart; a script takes 90 ms for three looks or requests.
import { beforeEach, describe, expect, test } from 'vitest';
import { PgpoolFront } from '../../src/sim/pgpool-front.ts';
import { Processor } from '../../src/sim/processor.ts';
import { type ScriptResult, Scripts } from '../../src/sim/scripts.ts';
import { threeServers } from './small-servers.ts';

function cluster() {
  const at = threeServers({ script: 90, connect: 6 });
  const { clock, draws, servers } = at;
  const front = new PgpoolFront(clock, draws, {
    servers,
    station: new Processor(clock, 2).station(),
    weights: [0, 1, 1],
    settings: {
      searchPrimaryNodeTimeout: 3,
      hasFollowCommand: true,
      failoverOnBackendError: false,
      failoverOnBackendShutdown: false,
      numInitChildren: 8,
    },
    primary: 0,
    follow: (run, done) => scripts.follow(run, done),
  });
  const { pgpool } = front;
  const scripts = new Scripts(clock, draws, { front, servers });
  pgpool.start();
  pgpool.sessionConnected([0, 1, 2], false);
  const ended: { result: ScriptResult; tookMs: number }[] = [];
  const timed = (start: (done: (result: ScriptResult) => void) => void): void => {
    const fromMs = clock.nowMs();
    start((result) => ended.push({ result, tookMs: clock.nowMs() - fromMs }));
  };
  const nodes = (): string =>
    pgpool
      .nodes()
      .map(({ status, role }) => `${status}:${role[0]}`)
      .join(' ');
  return { ...at, pgpool, scripts, ended, timed, nodes };
}

describe('Scripts', () => {
  let at: ReturnType<typeof cluster>;
  beforeEach(() => {
    at = cluster();
  });

  test('detach ends when the node is listed down, long before the search does; again is done at once', () => {
    at.servers[0].send({ type: 'crash' });
    at.timed((done) => at.scripts.detach(0, done));
    at.pass(200);
    expect(at.ended).toEqual([{ result: { exitCode: 0, text: 'detached' }, tookMs: 90 }]);
    expect(at.pgpool.switching()).toBe(true);
    at.timed((done) => at.scripts.detach(0, done));
    at.pass(200);
    expect(at.ended[1]).toMatchObject({ result: { exitCode: 0 }, tookMs: 30 });
  });

  test('attach refuses a dead server and a stale primary, and is done at once for one in use', () => {
    at.pgpool.detach(2);
    at.pass(2000);
    at.servers[2].send({ type: 'crash' });
    at.timed((done) => at.scripts.attach(2, 's', done));
    at.pass(500);
    at.servers[2].send({ type: 'start' });
    at.pass(1000);
    at.servers[2].send({ type: 'promote' });
    at.pass(1000);
    at.timed((done) => at.scripts.attach(2, 's', done));
    at.pass(500);
    at.timed((done) => at.scripts.attach(1, 's', done));
    at.pass(500);
    expect(at.ended.map(({ result }) => result.exitCode)).toEqual([5, 5, 0]);
    expect(at.nodes()).toBe('up:p up:s down:s');
  });

  test('attach holds: a node that a found primary sets down again is attached again', () => {
    at.pgpool.detach(2);
    at.pass(2000);
    at.timed((done) => at.scripts.attach(2, 's', done));
    at.pass(300);
    expect(at.nodes()).toBe('up:p up:s waiting:s');
    at.servers[0].send({ type: 'crash' });
    at.servers[1].send({ type: 'promote' });
    at.pass(500);
    at.pgpool.detach(0);
    at.pass(12_000);
    expect(at.nodes()).toBe('down:s up:p waiting:s');
    expect(at.ended[0]).toMatchObject({ result: { exitCode: 0 } });
    expect(at.ended[0]?.tookMs).toBeGreaterThan(2500);
  });

  test('promote waits for the search that runs, and asks nothing of Pgpool when it finds the primary', () => {
    at.servers[0].send({ type: 'crash' });
    at.pgpool.detach(0);
    at.servers[1].send({ type: 'promote' });
    at.pass(300);
    at.timed((done) => at.scripts.promote(1, done));
    at.pass(900);
    expect(at.ended[0]).toMatchObject({ result: { exitCode: 0, text: 'is the primary' } });
    expect(at.nodes()).toBe('down:s up:p down:s');
    at.pass(1200);
    expect(at.nodes()).toBe('down:s up:p waiting:s');
  });

  test('promote after a search without result tells Pgpool; the follow script brings the live standby back and leaves the dead server alone', () => {
    at.servers[0].send({ type: 'crash' });
    at.pgpool.detach(0);
    at.pass(5000);
    expect(at.nodes()).toBe('down:s up:s up:s');
    at.servers[1].send({ type: 'promote' });
    at.pass(1000);
    at.timed((done) => at.scripts.promote(1, done));
    at.pass(1000);
    expect(at.ended[0]).toMatchObject({ result: { exitCode: 0 } });
    at.pass(6000);
    expect(at.nodes()).toBe('down:s up:p waiting:s');
  });

  test('promote refuses a server that is in recovery', () => {
    at.timed((done) => at.scripts.promote(2, done));
    at.pass(1000);
    expect(at.ended[0]).toMatchObject({ result: { exitCode: 5 } });
    expect(at.nodes()).toBe('up:p up:s up:s');
  });
});
