// Goal: a session that a server leaves waiting comes back with `timeout`, wherever on the way the server fell silent.
// Method: a server on a socket that speaks until a chosen moment; the transport's deadline on a virtual clock.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { PgTransport } from '../../src/load/pg-transport.ts';
import type { ConnectOutcome, ExecutionOutcome } from '../../src/workload/transport.ts';
import { type Manners, PlayedServer } from './played-server.ts';

const servers: PlayedServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function rig(manners: Manners) {
  const server = new PlayedServer(manners);
  servers.push(server);
  const clock = new VirtualClock();
  const target = await server.listen();
  const refused: string[] = [];
  const transport = new PgTransport({
    clock,
    target,
    serverByAddress: {},
    onConnectError: ({ code }) => refused.push(code),
  });
  const outcomes: ConnectOutcome[] = [];
  const connect = (): void => transport.connect((outcome) => outcomes.push(outcome));
  return { server, clock, transport, outcomes, refused, connect };
}

const polite: Manners = { letsIn: true, answers: true, parts: true };

describe('a server that falls silent', () => {
  test('after it let the session in: the session ends as a timeout 3 s after it began, and can begin again', async () => {
    const { server, clock, outcomes, refused, connect } = await rig({ ...polite, answers: false });
    connect();
    await vi.waitFor(() => expect(server.queries).toEqual([expect.stringContaining('inet_server_addr')]));
    clock.runUntil(2999);
    expect(outcomes).toEqual([]);
    clock.runUntil(3000);
    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout' } }]);
    expect(refused).toEqual(['timeout']);
    await vi.waitFor(() => expect(server.closed).toBe(1));
    server.manners.answers = true;
    connect();
    await vi.waitFor(() => expect(outcomes[1]).toEqual({ ok: true, server: null }));
  });

  test('before it let the session in: the same deadline', async () => {
    const { clock, outcomes, connect } = await rig({ ...polite, letsIn: false });
    connect();
    clock.runUntil(3000);
    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout' } }]);
  });
});

test('the deadline ends with the attempt: a session that stands, or was given up, hears of it no more', async () => {
  const { server, clock, transport, outcomes, connect } = await rig(polite);
  connect();
  transport.close();
  connect();
  await vi.waitFor(() => expect(outcomes).toEqual([{ ok: true, server: null }]));
  const lost: string[] = [];
  transport.onLost = ({ code }) => lost.push(code);
  clock.runUntil(60_000);
  const ends: ExecutionOutcome[] = [];
  const call = {
    className: 'read',
    classIndex: 0,
    kind: 'read',
    operationId: '0.0',
    statements: () => [{ sql: 'SELECT 42', effect: 'read' as const }],
  } as const;
  transport.execute(call, (outcome) => ends.push(outcome));
  await vi.waitFor(() => expect(ends).toEqual([{ ok: true }]));
  expect(server.queries.at(-1)).toBe('SELECT 42');
  expect(lost).toEqual([]);
  transport.close();
  await vi.waitFor(() => expect(server.closed).toBeGreaterThan(0));
});
