// Goal: nobody tells the agents that the primary is dead: they find out after local.timeout, on real servers and simulated.
// Method: the same failover with local.timeout 4 and 7. A check is due each second and the death falls anywhere between
// two of them, so a measured detection may differ from the timeout by a period; the simulated agents check at the same
// instants in both runs, so theirs differ by exactly the 3 s.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Summary, TimelinePhase } from '../../src/recording/summary.ts';
import { cli, drillOf, expectNothingLeft, placeOfFile, writeModel, writeScenario } from './run-cli.ts';

const periodMs = 1000;
/** Timers of two labs on a machine that may have two cores: what a check may come late. */
const lateMs = 500;

const place = placeOfFile();

async function detection(
  prefix: string,
  timeoutS: number,
): Promise<{ measured: TimelinePhase; predicted: TimelinePhase }> {
  const model = await writeModel(place, prefix, { 'local.timeout: 4': `local.timeout: ${timeoutS}` });
  const scenario = await writeScenario(place, `detect-${timeoutS}`, {
    model,
    warmupS: 2,
    endS: 3 + timeoutS + 4,
    readsPerSecond: 20,
    writesPerSecond: 5,
    sessions: 8,
    drills: ['{ kind: failover, at: 3s }'],
  });
  const folder = join(place.files, `detect-${timeoutS}`);
  const { code, stdout, stderr } = await cli(place, 'run', scenario, '--out', folder, '--json', '--quiet');
  expect(code, stderr).toBe(0);
  const failover = drillOf(JSON.parse(stdout) as Summary, 'failover');
  const detect = (timeline: readonly TimelinePhase[] | undefined): TimelinePhase => {
    const found = timeline?.find(({ name }) => name === 'detect');
    if (!found) throw new Error('the death was not found out');
    return found;
  };
  return { measured: detect(failover.timeline), predicted: detect(failover.predicted?.timeline) };
}

test('local.timeout 3 s longer: measured and simulated detection both take 3 s longer', async () => {
  // Both end before either is judged, so that a failure leaves no run behind.
  const runs = await Promise.allSettled([detection('127.0.104', 4), detection('127.0.105', 7)]);
  const [short, long] = runs.map((run) => {
    if (run.status === 'rejected') throw run.reason;
    return run.value;
  }) as [Awaited<ReturnType<typeof detection>>, Awaited<ReturnType<typeof detection>>];
  const lengthMs = ({ startMs, endMs }: TimelinePhase): number => endMs - startMs;
  for (const [{ measured, predicted }, timeoutS] of [
    [short, 4],
    [long, 7],
  ] as const) {
    expect(lengthMs(measured)).toBeGreaterThan(timeoutS * 1000 - periodMs - lateMs);
    expect(lengthMs(measured)).toBeLessThan(timeoutS * 1000 + lateMs);
    for (const { boundBy } of [measured, predicted])
      expect(boundBy).toEqual({ setting: 'local.timeout', value: String(timeoutS), file: 'efm.properties' });
  }
  const growthMs = lengthMs(long.measured) - lengthMs(short.measured);
  expect(Math.abs(growthMs - 3000)).toBeLessThan(periodMs + lateMs);
  expect(lengthMs(long.predicted) - lengthMs(short.predicted)).toBeCloseTo(3000, 6);
  await expectNothingLeft(place);
}, 90_000);
