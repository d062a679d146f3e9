import { frameOf } from '../../analysis/frame.ts';
import type { Problem } from '../../kernel/errors.ts';
import { type CalibrationRun, steadyOf } from './facts.ts';

/** A stretch that is shorter than this, ms, holds too few samples of processor time. */
const shortestMs = 6000;

/**
 * Why some recordings cannot be used for a calibration; empty when all can.
 *
 * @param options.allowSimulated a simulated run gives its own model back: good for a test of the method only
 */
export function checkRuns(
  runs: readonly CalibrationRun[],
  options: { allowSimulated?: boolean } = {},
): Problem[] {
  const problems: Problem[] = [];
  for (const { name, recording } of runs) {
    const refuse = (message: string, hint: string): void => {
      problems.push({ rule: 'calibration-data', message: `${name}: ${message}`, hint });
    };
    const { manifest, events, intervals } = recording;
    if (manifest.world === 'simulated' && !options.allowSimulated)
      refuse(
        'a simulated run tells nothing that its model did not say before',
        'name result folders of pgdrill run',
      );
    const frame = frameOf(recording);
    if (frame.cutShort || intervals.length === 0)
      refuse('the recording is incomplete: its load did not end', 'run the scenario again to its end');
    else if (frame.interrupted) refuse('the run was interrupted', 'run the scenario again to its end');
    if (!events.some(({ type }) => type === 'cpu'))
      refuse(
        'it holds no processor time: an earlier version recorded it, or no program of the servers could be watched',
        'record it again with this version',
      );
    const { startMs, endMs } = steadyOf(frame);
    const steadyMs = endMs - startMs;
    if (!frame.cutShort && steadyMs < shortestMs)
      refuse(
        `only ${(steadyMs / 1000).toFixed(1)} s of load lie between its warm-up and its first drill or end`,
        `at least ${shortestMs / 1000} s are needed; 15 s or more are better`,
      );
  }
  return problems;
}
