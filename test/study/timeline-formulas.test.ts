// Goal: the lengths that EFM's documentation promises hold: to the millisecond for fixed phases, within 1 % on average.
// Method: the simulated cluster without service times, EFM's defaults and tuned ones; instants read from what agents did.
import { describe, expect, test } from 'vitest';
import type { DrillKind } from '../../src/scenario/scenario-shape.ts';
import { type Figures, figuresOf } from '../../src/study/timeline/figures.ts';
import { readTimelineInput } from '../../src/study/timeline/inputs.ts';
import { runTrial, type Trial, type TrialPlan } from '../../src/study/timeline/trial.ts';
import { computeBatch } from '../../src/study/timeline/trials.ts';
import type { Cluster } from '../../src/topology/cluster.ts';

/** What a program takes that does next to nothing (docs/method.md S8), ms. */
const program = 15;

/** A heartbeat a second (docs/method.md E1), ms. */
const heartbeat = 1000;

const defaults = { L: 60_000, P: 10_000, F: 10_000, R: 10_000, N: 50_000, K: 1000 };
const tuned = { L: 10_000, P: 5000, F: 10_000, R: 5000, N: 20_000, K: 2000 };

type Timers = typeof defaults;

function planOf(
  kind: DrillKind,
  timers: Timers,
  more: { properties?: Record<string, string>; version?: string; recoveryMs?: number } = {},
): TrialPlan {
  const { cluster } = readTimelineInput({ efm: null, pgpool: null, model: null, versions: null });
  const seconds = (ms: number): string => String(ms / 1000);
  const properties = {
    'local.period': seconds(timers.P),
    'local.timeout': seconds(timers.L),
    'local.timeout.final': seconds(timers.F),
    'remote.timeout': seconds(timers.R),
    'node.timeout': seconds(timers.N),
    'recovery.check.period': seconds(timers.K),
    ...more.properties,
  };
  const { calibrated, writeBytes: _, ...times } = cluster.serviceTimes;
  const steady = Object.fromEntries(
    Object.entries(times).map(([name, time]) => [name, { ...time, mean: 0, variation: 0 }]),
  ) as unknown as typeof times;
  steady.promoteServer = { ...steady.promoteServer, mean: more.recoveryMs ?? 150 };
  const version = more.version ?? '5.4';
  const changed: Cluster = {
    ...cluster,
    serviceTimes: { calibrated, ...steady },
    agents: cluster.agents.map((agent) => ({ ...agent, version, properties })),
  };
  return { cluster: changed, kind, seed: 1 };
}

/** A trial whose fault comes `fault` of a period behind the last turn of the work that finds it out. */
function trialAt(plan: TrialPlan, fault: number): { trial: Trial; figures: Figures } {
  const phases = { fault, agent: (position: number) => position / 10, pgpool: 0.1, watchdog: () => 0 };
  const trial = runTrial(plan, { index: 0, trials: 1, phases });
  return { trial, figures: figuresOf(trial, plan.cluster) };
}

/** From the injection to the first start, or last end, of a command. */
function startOf({ events, injectedMs }: Trial, name: string): number {
  const found = events.find((event) => event.type === 'command' && event.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found.atMs - injectedMs;
}

function endOf({ events, injectedMs }: Trial, name: string): number {
  const found = events.findLast((event) => event.type === 'commandEnded' && event.name === name);
  if (!found) throw new Error(`${name} never ended`);
  return found.atMs - injectedMs;
}

function meanOf(plan: TrialPlan, span: (figures: Figures) => number | undefined, trials = 120): number {
  const spans = computeBatch({ plan, from: 0, to: trials, trials }).map(
    (figures) => span(figures) ?? Number.NaN,
  );
  return spans.reduce((sum, value) => sum + value, 0) / spans.length;
}

/** Just before the next turn; the one that would have been due comes too late. */
const beforeNext = 1 - 1e-7;

describe.each([
  ['defaults', defaults],
  ['tuned', tuned],
])('EFM with %s', (_, timers) => {
  const { L, P, F, R, N, K } = timers;

  test.each(['3.9', '5.4'])(
    'primary database down, EFM %s: found out after L at most, L - P at least',
    (version) => {
      const plan = planOf('failover', timers, { version });
      expect(trialAt(plan, 0).figures.phases.detect).toBeCloseTo(L, 0);
      expect(trialAt(plan, beforeNext).figures.phases.detect).toBeCloseTo(L - P, 0);
      const { figures } = trialAt(plan, 0.25);
      expect(figures.phases.detect).toBeCloseTo(L - P / 4, 0);
      // A refused connection ends the last check and every agent's attempt at once.
      expect(figures.phases.verify).toBeCloseTo(0, 0);
    },
  );

  test('a database that hangs: the last check and the question to the cluster take F and R on top', () => {
    const { trial, figures } = trialAt(planOf('hang', timers), 0);
    expect(figures.phases.verify).toBeCloseTo(F + R, 0);
    expect(startOf(trial, 'stopServer')).toBeCloseTo(L + F + R, 0);
  });

  test('primary node lost: N since the last heartbeat, then R', () => {
    const plan = planOf('node-loss', timers);
    expect(trialAt(plan, 0).figures.phases.detect).toBeCloseTo(N, 0);
    const { trial, figures } = trialAt(plan, beforeNext);
    expect(figures.phases.detect).toBeCloseTo(N - heartbeat, 0);
    expect(startOf(trial, 'loadBalancerDetach')).toBeCloseTo(N - heartbeat + R, 0);
  });

  test('promotion: whole periods of recovery.check.period until the server is out of recovery', () => {
    for (const [recoveryMs, looks] of [
      [150, 1],
      [K + 100, 2],
    ] as const) {
      const { trial } = trialAt(planOf('failover', timers, { recoveryMs }), 0);
      const span = endOf(trial, 'awaitRecoveryEnd') - startOf(trial, 'promoteServer');
      expect(span).toBeCloseTo(program + looks * K, 0);
    }
  });

  test('with a virtual IP: released, found free after c1, the well-known host after c0, taken by the winner', () => {
    const { trial, figures } = trialAt(
      planOf('failover', timers, { properties: { 'virtual.ip': '192.0.2.99' } }),
      0,
    );
    // c1 = 3 s: nobody on the subnet has the address; c0 = 2 s: three answers a second apart.
    expect(endOf(trial, 'checkWellKnownHost') - startOf(trial, 'checkVip')).toBeCloseTo(3000 + 2000, 0);
    const confirm = L;
    const ownWork = startOf(trial, 'checkVip') - confirm;
    // stop (was not running), detach, release, guard: programs and a script that take next to nothing.
    expect(ownWork).toBeLessThan(200);
    const promoted = confirm + ownWork + 3000 + 2000 + program + K;
    expect(startOf(trial, 'assignVip')).toBeCloseTo(promoted, 0);
    expect(figures.writeOutageMs).toBeGreaterThan(promoted - K);
  });

  test('means over the phases: L - P/2, and N - half a heartbeat, within 1 %', () => {
    const detect = ({ phases }: Figures): number | undefined => phases.detect;
    const down = meanOf(planOf('failover', timers), detect);
    expect(Math.abs(down - (L - P / 2)) / (L - P / 2)).toBeLessThan(0.01);
    const lost = meanOf(planOf('node-loss', timers), detect);
    expect(Math.abs(lost - (N - heartbeat / 2)) / (N - heartbeat / 2)).toBeLessThan(0.01);
  }, 60_000);

  test('mean write outage: confirmation, the promotion and what Pgpool needs to see it, within 1 %', () => {
    const outage = meanOf(planOf('failover', timers), ({ writeOutageMs }) => writeOutageMs);
    // Stop; then the detach starts Pgpool's search, which looks again after a second and forks its children in 40 ms.
    const expected = L - P / 2 + program + 1000 + 40;
    expect(Math.abs(outage - expected) / expected).toBeLessThan(0.01);
  }, 60_000);
});
