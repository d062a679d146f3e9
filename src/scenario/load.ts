import { dirname, resolve } from 'node:path';
import type { Problem } from '../kernel/errors.ts';
import { type Model, modelShape } from './model-shape.ts';
import { type ScenarioFile, scenarioShape } from './scenario-shape.ts';
import { readSource, type Source } from './source.ts';

/** A scenario and the cluster model it names, both read and well-formed. */
export interface Loaded {
  scenario: Source<ScenarioFile>;
  model: Source<Model>;
}

/**
 * Reads a scenario and its cluster model; problems of both at once.
 * @param overrides values of the command line that win over the file's
 */
export function loadScenario(
  file: string,
  overrides: { model?: string; seed?: number } = {},
): { loaded: Loaded | undefined; problems: Problem[] } {
  const scenario = readSource(file, scenarioShape);
  const named = overrides.model ?? modelOf(file, scenario.source?.value.cluster);
  const model = named ? readSource(named, modelShape) : { source: undefined, problems: [] };
  const problems = [...scenario.problems, ...model.problems];
  if (!scenario.source || !model.source) return { loaded: undefined, problems };
  if (overrides.seed !== undefined) scenario.source.value.seed = overrides.seed;
  return { loaded: { scenario: scenario.source, model: model.source }, problems };
}

/** Reads a cluster model alone. */
export function loadModel(file: string): { model: Source<Model> | undefined; problems: Problem[] } {
  const { source, problems } = readSource(file, modelShape);
  return { model: source, problems };
}

/** The model is named relative to the scenario; a scenario with mistakes may still name it, so that both are checked. */
function modelOf(file: string, named: string | undefined): string | undefined {
  return named === undefined ? clusterLine(file) : resolve(dirname(file), named);
}

function clusterLine(file: string): string | undefined {
  const loose = readSource(file, looseShape);
  const named = loose.source?.value.cluster;
  return named ? resolve(dirname(file), named) : undefined;
}

const looseShape = scenarioShape.pick({ cluster: true }).loose();
