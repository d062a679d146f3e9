// Goal: Pgpool's main process waits for its commands, and what they are known to do happens, when it does.
// Method: three servers with fixed times and Pgpool's statechart; a command takes 300 ms, a promotion 500 ms, a connect of a search 1 ms.
import { expect, test } from 'vitest';
import { Network } from '../../src/sim/network.ts';
import { PgpoolCommands } from '../../src/sim/pgpool-commands.ts';
import { PgpoolFront } from '../../src/sim/pgpool-front.ts';
import { Processor } from '../../src/sim/processor.ts';
import { Scripts } from '../../src/sim/scripts.ts';
import { planOf } from './simulated-run.ts';
import { threeServers } from './small-servers.ts';

const { cluster: shipped } = planOf({});
const promote = 'ssh %H pg_ctl -D %R -w promote';

function cluster(
  commands: { failover?: string; failback?: string },
  times: { failoverCommand?: number } = {},
) {
  const at = threeServers({ script: 90, failoverCommand: 300, promoteServer: 500, connect: 4, ...times });
  const { clock, draws, servers } = at;
  const network = new Network(['a', 'b', 'c', 'p']);
  const { failover = '', failback = '' } = commands;
  const front = new PgpoolFront(clock, draws, {
    servers,
    network,
    host: 'p',
    station: new Processor(clock, 2).station(),
    weights: [0, 1, 1],
    settings: {
      searchPrimaryNodeTimeout: 3,
      hasFollowCommand: false,
      hasFailoverCommand: failover !== '',
      hasFailbackCommand: failback !== '',
      failoverOnBackendError: false,
      failoverOnBackendShutdown: false,
      numInitChildren: 8,
    },
    primary: 0,
    follow: (_, done) => done(),
    command: (run, done) => runner.run(run, done),
  });
  const scripts = new Scripts(clock, draws, { front, servers });
  const pgpoolSettings = { failover_command: failover, failback_command: failback };
  const runner = new PgpoolCommands(clock, draws, {
    cluster: { ...shipped, pgpoolSettings },
    host: 'p',
    front,
    scripts,
  });
  const { pgpool } = front;
  pgpool.start();
  pgpool.sessionConnected([0, 1, 2], false);
  const nodes = (): string =>
    pgpool
      .nodes()
      .map(({ status, role }) => `${status}:${role[0]}`)
      .join(' ');
  /** Ms until Pgpool serves sessions again. */
  const heldMs = (): number => {
    const fromMs = clock.nowMs();
    while (pgpool.switching() && clock.nowMs() < fromMs + 200_000) at.pass(1);
    return clock.nowMs() - fromMs;
  };
  return { ...at, network, pgpool, runner, nodes, heldMs };
}

test('a command that promotes: the search after it finds the new primary', () => {
  const at = cluster({ failover: promote });
  at.servers[0].send({ type: 'crash' });
  at.pgpool.detach(0);
  at.pass(299);
  expect(at.servers[1].state).toBe('standby');
  at.pass(500);
  expect(at.servers[1].state).toBe('promoting');
  expect(at.pgpool.switching()).toBe(true);
  at.pass(100);
  expect(at.nodes()).toBe('down:s up:p up:s');
});

test('without -w it does not wait: the search of Pgpool does', () => {
  const at = cluster({ failover: 'ssh %H pg_ctl -W promote' });
  at.servers[0].send({ type: 'crash' });
  at.pgpool.detach(0);
  at.pass(310);
  expect(at.runner.busy).toBe(false);
  expect(at.servers[1].state).toBe('promoting');
  at.pass(1100);
  expect(at.nodes()).toBe('down:s up:p up:s');
});

test('one that promotes when a standby goes makes a second primary', () => {
  const at = cluster({ failover: promote });
  at.servers[0].send({ type: 'crash' });
  at.pgpool.detach(0);
  at.pass(3000);
  at.servers[0].send({ type: 'start' });
  at.pass(5000);
  at.pgpool.attach(0);
  at.pass(3000);
  at.pgpool.detach(2);
  at.pass(3000);
  expect(at.servers.map(({ state }) => state)).toEqual(['primary', 'primary', 'standby']);
});

test('an unknown one takes its time, with no session meanwhile, and changes no server', () => {
  const at = cluster({ failover: '/opt/own.sh %d' }, { failoverCommand: 7000 });
  at.pgpool.detach(2);
  const ms = at.heldMs();
  expect(ms).toBeGreaterThanOrEqual(7000);
  expect(ms).toBeLessThan(7100);
  expect(at.servers.map(({ state }) => state)).toEqual(['primary', 'standby', 'standby']);
  expect(at.nodes()).toBe('up:p up:s down:s');
});

test('in the background Pgpool goes on at once', () => {
  const at = cluster({ failover: '/opt/own.sh %d &' }, { failoverCommand: 7000 });
  at.pgpool.detach(2);
  expect(at.heldMs()).toBeLessThan(100);
  expect(at.runner.busy).toBe(true);
  at.pass(7000);
  expect(at.runner.busy).toBe(false);
});

test('a second request waits for the command of the first', () => {
  const at = cluster({ failover: '/opt/own.sh %d', failback: '/opt/own.sh %d' });
  at.pgpool.detach(2);
  at.pass(50);
  at.pgpool.detach(1);
  at.pgpool.attach(2);
  at.pass(200);
  expect(at.nodes()).toBe('up:p up:s down:s');
  at.pass(340);
  expect(at.nodes()).toBe('up:p down:s down:s');
  at.pass(5000);
  expect(at.nodes()).toBe('up:p down:s waiting:s');
});

test('the host of the new main node is gone: ssh waits until the kernel gives up', () => {
  const at = cluster({ failover: promote });
  at.servers[0].send({ type: 'crash' });
  at.network.lose('b');
  at.pgpool.detach(0);
  at.pass(131_000);
  expect(at.pgpool.switching()).toBe(true);
  expect(at.runner.busy).toBe(true);
  at.pass(1000);
  expect(at.runner.busy).toBe(false);
});

test('a hung standby is promoted when it goes on; pg_ctl gives up after a minute, psql waits', () => {
  for (const [failover, busy] of [
    [promote, false],
    ['psql -h %H -c "select pg_promote()"', true],
  ] as const) {
    const at = cluster({ failover });
    at.servers[0].send({ type: 'crash' });
    at.servers[1].hang();
    at.pgpool.detach(0);
    at.pass(60_400);
    expect(at.runner.busy).toBe(busy);
    at.servers[1].wake();
    at.pass(1000);
    expect(at.servers[1].state).toBe('primary');
    expect(at.runner.busy).toBe(false);
  }
});

test('post_promotion.sh as a failover command waits in vain for what Pgpool does after it', () => {
  const at = cluster({ failover: '/opt/post_promotion.sh %H' });
  at.servers[0].send({ type: 'crash' });
  at.servers[1].send({ type: 'promote' });
  at.pass(1000);
  at.pgpool.detach(0);
  const ms = at.heldMs();
  expect(ms).toBeGreaterThanOrEqual(20_000);
  expect(ms).toBeLessThan(21_000);
});
