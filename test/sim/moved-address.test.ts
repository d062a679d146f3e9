// Goal: what a client meets whose Pgpool does not have the address any more: silence, then the reset of the host that has it, and
// that one's service when it connects anew.
// Method: two Pgpools before three servers with fixed times (a way 0.5 ms, a first session 10.5 ms), the address moved by hand.
import { expect, test } from 'vitest';
import { Network } from '../../src/sim/network.ts';
import { PgpoolFronts } from '../../src/sim/pgpool-fronts.ts';
import { Processor } from '../../src/sim/processor.ts';
import { DelegateAddress } from '../../src/sim/service-address.ts';
import { SimSession } from '../../src/sim/session.ts';
import type { ConnectOutcome, ExecutionOutcome } from '../../src/workload/transport.ts';
import { pgpoolBefore, scriptParts, threeServers } from './small-servers.ts';

function atAddress() {
  const at = threeServers({ connect: 8, read: 1, write: 7, network: 0.5 });
  const { clock, draws, replication, pass } = at;
  const network = new Network(['p', 'q']);
  const address: DelegateAddress = new DelegateAddress(network, () => fronts.moved());
  const all = ['p', 'q'].map((host) => {
    const station = new Processor(clock, 2).station();
    return pgpoolBefore(at, { station, numInitChildren: 4, host, network });
  });
  const fronts = new PgpoolFronts(all, { address, network });
  const answered: string[] = [];
  const session = new SimSession(
    {
      ...{ clock, draws, fronts, replication, ...scriptParts(clock) },
      answered: (kind) => answered.push(kind),
    },
    's',
  );
  const ends: ExecutionOutcome[] = [];
  session.handler = { onAnswer: (outcome) => ends.push(outcome), onLost: () => {} };
  const connects: { outcome: ConnectOutcome; afterMs: number }[] = [];
  const connect = (): void => {
    const fromMs = clock.nowMs();
    session.connect((outcome) => connects.push({ outcome, afterMs: clock.nowMs() - fromMs }));
  };
  const execute = (kind: 'read' | 'write'): void =>
    session.execute({ classIndex: kind === 'read' ? 0 : 1, number: 0, kind });
  const sessions = (): number[] => all.map((front) => front.sessions.size);
  address.take('p');
  return { pass, address, session, answered, ends, connects, connect, execute, sessions };
}

test('a session goes to who has the address; with nobody there a client waits until it gives up', () => {
  const at = atAddress();
  at.connect();
  at.pass(100);
  expect([at.connects[0]?.outcome.ok, at.sessions()]).toEqual([true, [1, 0]]);
  at.session.close();
  at.address.drop('p');
  at.connect();
  at.pass(5000);
  expect(at.connects[1]).toMatchObject({ outcome: { ok: false, error: { code: 'timeout' } }, afterMs: 3000 });
  at.address.take('q');
  at.connect();
  at.pass(100);
  expect([at.connects[2]?.outcome.ok, at.sessions()]).toEqual([true, [0, 1]]);
});

test('who is being let in when the address leaves hears nothing of it', () => {
  const at = atAddress();
  at.connect();
  at.pass(5);
  at.address.take('q');
  at.pass(5000);
  expect(at.connects).toMatchObject([{ outcome: { ok: false, error: { code: 'timeout' } }, afterMs: 3000 }]);
});

test('an answer that is on its way when the address leaves is not heard, nor does a request to stop get there', () => {
  const at = atAddress();
  at.connect();
  at.pass(100);
  at.execute('read');
  at.pass(1);
  at.address.take('q');
  expect(at.session.cancel()).toBe(false);
  at.pass(100);
  expect([at.answered, at.ends]).toEqual([['read'], []]);
});

test('what is sent when another has the address is answered by its reset: it was not done, whatever was done before it', () => {
  const at = atAddress();
  at.connect();
  at.pass(100);
  at.execute('write');
  at.pass(100);
  at.address.drop('p');
  at.execute('write');
  at.pass(100);
  expect(at.ends).toEqual([{ ok: true }]);
  at.address.take('q');
  at.execute('write');
  at.pass(100);
  expect(at.ends.slice(1)).toEqual([
    { ok: false, error: { code: 'ECONNRESET', message: 'read ECONNRESET' }, definite: true, lost: true },
  ]);
  expect(at.answered).toEqual(['write']);
});

test('a host that announces the address again has it before those that did meanwhile', () => {
  const at = atAddress();
  at.address.take('q');
  at.address.take('p');
  at.connect();
  at.pass(100);
  expect(at.sessions()).toEqual([1, 0]);
  at.session.close();
  at.address.drop('p');
  at.connect();
  at.pass(100);
  expect(at.sessions()).toEqual([0, 1]);
  at.session.close();
  at.address.drop('q');
  at.connect();
  at.pass(5000);
  expect(at.connects.at(-1)?.outcome).toMatchObject({ ok: false, error: { code: 'timeout' } });
});
