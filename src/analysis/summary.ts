import type { Recording } from '../recording/recording.ts';
import type { Summary } from '../recording/summary.ts';
import { classSummaries } from './classes.ts';
import { ClusterHistory } from './cluster-history.ts';
import { withPrediction } from './compare.ts';
import { conservationOf } from './conservation.ts';
import { drillFindings } from './drills.ts';
import type { Frame } from './frame.ts';
import { frameOf } from './frame.ts';
import { generatorOf } from './generator.ts';
import { gapsOf } from './not-measured.ts';
import { backendSummaries, offloadOf, slicesIn } from './offload.ts';
import { secondsOf } from './seconds.ts';
import { verdictOf } from './verdict.ts';

/**
 * Draws the one summary of a run out of its recording, whichever world made it: a pure function of its arguments.
 *
 * Times are ms since load start. Counts, rates, percentiles and shares cover the load without its warm-up; conservation
 * covers all of it.
 *
 * @param options.predicted the simulated summary of the same scenario, shown beside the measurement
 * @param options.noPrediction why there is none
 * @see docs/method.md for every definition
 */
export function summarise(
  recording: Recording,
  options: { predicted?: Summary; noPrediction?: string } = {},
): Summary {
  const { manifest } = recording;
  const frame = frameOf(recording);
  const history = new ClusterHistory(recording.events);
  const seconds = secondsOf(recording, frame.loadEndMs);
  const { drills, strayOutages, unexplainedLosses } = drillFindings(recording, history, { frame, seconds });
  const generator = generatorOf(slicesIn(recording.intervals, frame.measured));
  const conservation = conservationOf(recording, frame);
  const backends = backendSummaries(recording, history, frame);
  const offload = offloadOf(recording, history, frame.measured);
  return {
    schema: 'pgdrill/summary@1',
    name: manifest.scenario.name,
    world: manifest.world,
    seed: manifest.seed,
    verdict: verdictOf({
      recording,
      history,
      frame,
      generator,
      conservation,
      drills,
      strayOutages,
      unexplainedLosses,
    }),
    provenance: provenanceOf(recording),
    load: loadOf(recording, frame),
    classes: classSummaries(recording, frame.measured),
    backends,
    offload,
    drills: options.predicted ? withPrediction(drills, options.predicted) : drills,
    generator,
    conservation,
    thresholds: manifest.scenario.thresholds.map((text) => ({
      text,
      value: null,
      result: 'unknown' as const,
    })),
    notMeasured: [
      ...gapsOf({ recording, history, frame, drills, backends, offload }),
      ...predictionGap(options.noPrediction, drills.length),
    ],
  };
}

function provenanceOf({ manifest }: Recording): Summary['provenance'] {
  const { version, commit, scenarioHash, clusterHash, capped, calibrated, transport, components } = manifest;
  return { version, commit, scenarioHash, clusterHash, capped, calibrated, transport, components };
}

function loadOf({ manifest }: Recording, frame: Frame): Summary['load'] {
  const { warmupMs, sessions, sessionLifetimeMs, patienceMs, timeoutMs } = manifest.scenario;
  return { durationMs: frame.loadEndMs, warmupMs, sessions, sessionLifetimeMs, patienceMs, timeoutMs };
}

function predictionGap(why: string | undefined, drills: number): Summary['notMeasured'] {
  return why === undefined || drills === 0 ? [] : [{ field: 'drills[].predicted, predictionError', why }];
}
