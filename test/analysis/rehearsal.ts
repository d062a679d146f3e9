import type { AgentCommandName, BackendStatus, RecordedEvent } from '../../src/recording/events.ts';
import type { Recording } from '../../src/recording/recording.ts';
import { buildRecording } from './build-recording.ts';

let nextId = 0;

/** An agent's command from its start to its end. */
export function command(
  node: string,
  name: AgentCommandName,
  span: { startMs: number; endMs: number; target?: string },
): RecordedEvent[] {
  const id = `c${nextId++}`;
  return [
    { type: 'command', atMs: span.startMs, node, id, name, target: span.target ?? node },
    { type: 'commandEnded', atMs: span.endMs, node, id, name, ok: true, detail: null },
  ];
}

export function listed(
  atMs: number,
  server: string,
  seen: [BackendStatus, 'primary' | 'standby'],
): RecordedEvent {
  return { type: 'backendStatus', atMs, pgpool: 'server4', server, status: seen[0], role: seen[1] };
}

export function role(atMs: number, server: string, seen: 'primary' | 'standby' | 'down'): RecordedEvent {
  return { type: 'serverRole', atMs, server, role: seen, position: null };
}

export function drill(
  id: string,
  target: string | null,
  atMs: [begun: number, injected: number, ended: number],
): RecordedEvent[] {
  const moments = ['begun', 'injected', 'ended'] as const;
  return moments.map((moment, index) => ({
    type: 'drill',
    atMs: atMs[index] ?? 0,
    id,
    kind: id,
    target,
    moment,
    ok: true,
    detail: null,
  }));
}

/** Everybody as the cluster starts. */
export const atStart: RecordedEvent[] = [
  role(-500, 'server1', 'primary'),
  role(-500, 'server2', 'standby'),
  role(-500, 'server3', 'standby'),
  listed(-400, 'server1', ['up', 'primary']),
  listed(-400, 'server2', ['up', 'standby']),
  listed(-400, 'server3', ['up', 'standby']),
];

/** A failover of server1 to server2 as EFM does it, the instants counted from `atMs`. */
export function failoverEvents(atMs: number): RecordedEvent[] {
  const at = (spanMs: number): number => atMs + spanMs;
  return [
    ...drill('failover', 'server1', [at(-2), at(0), at(10)]),
    role(at(150), 'server1', 'down'),
    ...command('server1', 'finalCheck', { startMs: at(3600), endMs: at(3610) }),
    ...command('server2', 'verifyDatabase', { startMs: at(3612), endMs: at(3640), target: 'server1' }),
    ...command('server3', 'verifyDatabase', { startMs: at(3612), endMs: at(3650), target: 'server1' }),
    ...command('server1', 'stopServer', { startMs: at(3655), endMs: at(3700) }),
    ...command('server1', 'loadBalancerDetach', { startMs: at(3700), endMs: at(3780) }),
    listed(at(3790), 'server1', ['down', 'standby']),
    ...command('server1', 'writeGuard', { startMs: at(3780), endMs: at(3785) }),
    ...command('server2', 'readPositions', { startMs: at(3790), endMs: at(3800) }),
    ...command('server2', 'fence', { startMs: at(3800), endMs: at(3860) }),
    ...command('server2', 'promoteServer', { startMs: at(3860), endMs: at(3900) }),
    ...command('server2', 'awaitRecoveryEnd', { startMs: at(4900), endMs: at(4910) }),
    role(at(4000), 'server2', 'primary'),
    ...command('server3', 'loadBalancerDetach', { startMs: at(4915), endMs: at(4990) }),
    listed(at(5000), 'server3', ['down', 'standby']),
    ...command('server3', 'stopServer', { startMs: at(4990), endMs: at(5200) }),
    ...command('server3', 'followPrimary', { startMs: at(5200), endMs: at(5210) }),
    ...command('server3', 'startServer', { startMs: at(5210), endMs: at(5400) }),
    ...command('server3', 'awaitConnection', { startMs: at(5400), endMs: at(5420) }),
    ...command('server3', 'loadBalancerAttach', { startMs: at(5420), endMs: at(5500) }),
    listed(at(5500), 'server3', ['waiting', 'standby']),
    ...command('server2', 'postPromotion', { startMs: at(5510), endMs: at(5700) }),
    listed(at(5690), 'server2', ['up', 'primary']),
    listed(at(5690), 'server3', ['down', 'standby']),
    ...command('server2', 'loadBalancerAttach', { startMs: at(5700), endMs: at(5780) }),
    listed(at(7300), 'server3', ['waiting', 'standby']),
  ];
}

/** A minute with one failover at 20 s: reads out for 3.8 s, writes for 5.8 s, server3 back at 27.3 s. */
export function rehearsal(world: 'live' | 'simulated' = 'live', shiftMs = 0): Recording {
  const atMs = 20_000;
  const at = (spanMs: number): number => atMs + spanMs + shiftMs;
  return buildRecording({
    world,
    warmupMs: 4000,
    measureMs: 46_000,
    classes: [
      { name: 'read', perSecond: 270 },
      { name: 'write', perSecond: 30 },
    ],
    outages: [
      { className: 'read', startMs: atMs, endMs: at(3800) },
      { className: 'write', startMs: atMs, endMs: at(5800), outcome: 'skipped' },
    ],
    latencyMs: (name, dueMs) => {
      const slow = dueMs > at(3800) && dueMs < at(7300) ? 8 : 1;
      return slow * (name === 'read' ? 0.6 : 4) * (1 + 0.4 * Math.sin(dueMs / 37));
    },
    readers: (dueMs) => {
      if (dueMs < atMs) return ['server2', 'server3'];
      return dueMs < at(8000) ? ['server2'] : ['server2', 'server3', 'server3'];
    },
    scheduleLagMs: (startMs) => 0.3 + (startMs % 700) / 1000,
    events: [...atStart, ...failoverEvents(atMs)],
    ledger: world === 'live' ? 'clean' : null,
  });
}
