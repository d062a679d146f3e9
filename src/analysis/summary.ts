import type { Recording } from '../recording/recording.ts';
import type { Summary } from '../recording/summary.ts';
import { classSummaries } from './classes.ts';
import { ClusterHistory } from './cluster-history.ts';
import { withPrediction } from './compare.ts';
import { conservationOf } from './conservation.ts';
import { drillFindings } from './drills.ts';
import type { Frame } from './frame.ts';
import { frameOf } from './frame.ts';
import { generatorGaps, generatorOf } from './generator.ts';
import { gapsOf } from './not-measured.ts';
import { backendSummaries, offloadOf } from './offload.ts';
import { processorsOf } from './processors.ts';
import { secondsOf } from './seconds.ts';
import { shareIntervalOf } from './share-interval.ts';
import { overloadRemarks, stationsOf } from './stations.ts';
import { judgeThresholds } from './thresholds.ts';
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
  const generator = generatorOf(recording, frame.measured);
  const conservation = conservationOf(recording, frame);
  const backends = backendSummaries(recording, history, frame);
  const offload = offloadOf(recording, history, frame.measured);
  const classes = classSummaries(recording, frame.measured);
  const thresholds = judgeThresholds(
    manifest.scenario.thresholds,
    { classes, offload, drills },
    strayOutages,
  );
  const shareInterval = shareIntervalOf(recording, frame);
  const servers = processorsOf(recording, frame.measured);
  const stations = stationsOf(manifest, servers);
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
      thresholds,
      overload: overloadRemarks(classes, stations, drills.length > 0),
    }),
    provenance: provenanceOf(recording),
    load: loadOf(recording, frame),
    classes,
    backends,
    ...(shareInterval && { shareInterval }),
    ...(servers && { servers }),
    stations,
    offload,
    drills: options.predicted ? withPrediction(drills, options.predicted) : drills,
    generator,
    conservation,
    thresholds,
    notMeasured: [
      ...gapsOf({ recording, history, frame, drills, backends, offload }),
      ...generatorGaps(generator),
      ...predictionGap(options.noPrediction, drills.length),
    ],
  };
}

function provenanceOf({ manifest }: Recording): Summary['provenance'] {
  const { version, commit, scenarioHash, clusterHash, capped, calibrated, transport, components } = manifest;
  return { version, commit, scenarioHash, clusterHash, capped, calibrated, transport, components };
}

function loadOf({ manifest }: Recording, frame: Frame): Summary['load'] {
  const { warmupMs, sessionLifetimeMs, patienceMs, timeoutMs, classes } = manifest.scenario;
  const { connect = 'pooled', late = 'skip', protocol = 'simple' } = manifest.scenario;
  const sessions = classes.reduce(
    (sum, { closed }) => sum + (closed?.sessions ?? 0),
    manifest.scenario.sessions,
  );
  const terms = { sessions, sessionLifetimeMs, connect, late, protocol, patienceMs, timeoutMs };
  return { durationMs: frame.loadEndMs, warmupMs, ...terms };
}

function predictionGap(why: string | undefined, drills: number): Summary['notMeasured'] {
  return why === undefined || drills === 0 ? [] : [{ field: 'drills[].predicted, predictionError', why }];
}
