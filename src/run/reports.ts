import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { summarise } from '../analysis/summary.ts';
import { formatProblem } from '../kernel/errors.ts';
import type { Recording } from '../recording/recording.ts';
import { readRecording, resultFiles, writeResultFile } from '../recording/store.ts';
import type { Summary } from '../recording/summary.ts';
import { renderHtml } from '../report/html.ts';
import { renderJson } from '../report/json.ts';
import { checkSimulated } from '../sim/check.ts';
import type { RunPlan } from './plan.ts';
import { simulatePlan } from './simulate.ts';

/** What `predicted.json` holds: the simulated summary of the same plan, or why there is none. */
type Prediction = Summary | { schema: 'pgdrill/no-prediction@1'; why: string };

/** Analyses a result folder and writes `summary.json` and `report.html` into it; a live run's prediction lies beside. */
export function writeReports(folder: string): Summary {
  const recording = readRecording(folder);
  const summary = summarise(recording, predictionIn(folder, recording));
  writeResultFile(folder, resultFiles.summary, renderJson(summary));
  writeResultFile(folder, resultFiles.report, renderHtml(summary, recording));
  return summary;
}

/** Simulates the plan of a live run and puts the outcome into its folder, for `writeReports`. A prediction sees the plan and never a measurement. */
export async function writePrediction(folder: string, plan: RunPlan): Promise<void> {
  writeResultFile(folder, resultFiles.predicted, `${JSON.stringify(await predict(plan), null, 2)}\n`);
}

async function predict(plan: RunPlan): Promise<Prediction> {
  const gaps = checkSimulated(plan.cluster);
  if (gaps.length === 0) return summarise(await simulatePlan(plan));
  return { schema: 'pgdrill/no-prediction@1', why: gaps.map(formatProblem).join('; ') };
}

function predictionIn(
  folder: string,
  { manifest }: Recording,
): { predicted: Summary } | { noPrediction: string } {
  if (manifest.world === 'simulated') return { noPrediction: 'a simulated run is the prediction' };
  const file = join(folder, resultFiles.predicted);
  if (!existsSync(file)) return { noPrediction: 'the run ended before it was simulated' };
  try {
    const prediction = JSON.parse(readFileSync(file, 'utf8')) as Prediction;
    if (prediction.schema === 'pgdrill/summary@1') return { predicted: prediction };
    if (prediction.schema === 'pgdrill/no-prediction@1') return { noPrediction: prediction.why };
    return { noPrediction: `${resultFiles.predicted} was written by another version` };
  } catch {
    return { noPrediction: `${resultFiles.predicted} cannot be read` };
  }
}
