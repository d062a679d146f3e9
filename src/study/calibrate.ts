import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InputError, type Problem } from '../kernel/errors.ts';
import { readRecording } from '../recording/store.ts';
import { loadModel } from '../scenario/load.ts';
import { withServiceTimes } from '../scenario/model-edit.ts';
import type { Model } from '../scenario/model-shape.ts';
import type { Source } from '../scenario/source.ts';
import { checkRuns } from './calibrate/check.ts';
import type { CalibrationRun } from './calibrate/facts.ts';
import type { Parameter } from './calibrate/parameter.ts';
import { calibrate } from './calibrate/parameters.ts';
import { type CalibrationResult, editsOf, resultOf } from './calibrate/text.ts';

/** A calibration, and the cluster model that it makes of another. */
export interface CalibratedModel {
  result: CalibrationResult;
  /** Text of the model's file with the service times found; comments are kept. */
  model: string;
}

/**
 * Takes the service times of a cluster model from result folders of runs on real servers.
 *
 * @param options.model cluster model whose times are replaced where the runs tell them
 * @param options.out where the new model will be written: a model that names files names them relative to itself
 * @param options.allowSimulated take simulated runs too, which can only check the method
 * @throws InputError with every problem of the model and the runs; DrillError for a folder that holds no result, or one of a later version
 */
export function calibrateModel(
  folders: readonly string[],
  options: { model: string; out?: string | undefined; allowSimulated?: boolean },
): CalibratedModel {
  const { model: source, problems } = loadModel(options.model);
  const runs = folders.map((name): CalibrationRun => ({ name, recording: readRecording(name) }));
  const moved = source ? checkMove(source, options) : [];
  const all = [...problems, ...moved, ...checkFolders(folders), ...checkRuns(runs, options)];
  if (!source || all.length > 0) throw new InputError(all);
  const known = source.value.serviceTimes;
  const parameters = calibrate(runs, known);
  const result = resultOf(folders, parameters, known);
  const edits = editsOf(folders, parameters, known);
  const calibrated = known.calibrated || isCalibrated(parameters);
  return { result, model: withServiceTimes(readFileSync(options.model, 'utf8'), { calibrated, edits }) };
}

/** A copy in another folder would look for its files there. */
function checkMove(
  source: Source<Model>,
  { model, out }: { model: string; out?: string | undefined },
): Problem[] {
  if (out === undefined || dirname(resolve(out)) === dirname(resolve(model))) return [];
  const { efm, pgpool, servers } = source.value;
  const places = [
    ...(efm.file === undefined ? [] : [['efm', 'file']]),
    ...(pgpool.file === undefined ? [] : [['pgpool', 'file']]),
    ...servers.flatMap((server, index) =>
      server.efm?.file === undefined ? [] : [['servers', index, 'efm', 'file']],
    ),
  ];
  return places.map((path) => ({
    place: source.placeOf(path),
    rule: 'calibration-target',
    message: `the model names a file relative to itself, and ${out} lies in another folder`,
    hint: `write the calibrated model into ${dirname(resolve(model))}`,
  }));
}

function checkFolders(folders: readonly string[]): Problem[] {
  const twice = folders.filter((folder, index) => folders.indexOf(folder) < index);
  const problems: Problem[] = twice.map((folder) => ({
    rule: 'calibration-data',
    message: `${folder} is named twice`,
  }));
  if (folders.length === 1) {
    problems.push({
      rule: 'calibration-data',
      message: 'one run cannot tell the cost of an operation from what runs without load',
      hint: 'name result folders of at least two runs with other rates, best with another mix of reads and writes',
    });
  }
  return problems;
}

/** What every prediction under load rests on was found. */
function isCalibrated(parameters: readonly Parameter[]): boolean {
  return parameters.some(({ name, found }) => found !== null && (name === 'read' || name === 'write'));
}
