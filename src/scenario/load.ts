import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Problem } from '../kernel/errors.ts';
import { type Model, modelShape } from './model-shape.ts';
import { type ScenarioFile, scenarioShape } from './scenario-shape.ts';
import { type Assignment, reviseModel, reviseScenario, splitAssignments } from './set.ts';
import { type Revised, readSource, type Source } from './source.ts';

/** A scenario and the cluster model it names, both read and well-formed. */
export interface Loaded {
  scenario: Source<ScenarioFile>;
  model: Source<Model>;
}

/** Values of the command line that win over those of the files. */
export interface Overrides {
  /** Cluster model instead of the scenario's. */
  model?: string;
  /** It wins over one that is `set`. */
  seed?: number;
  /** Single values of both files. */
  set?: readonly Assignment[];
  /** Judged beside those of the scenario. */
  thresholds?: readonly string[];
}

/** Reads a scenario and its cluster model; problems of both at once. */
export function loadScenario(
  file: string,
  overrides: Overrides = {},
): { loaded: Loaded | undefined; problems: Problem[] } {
  const { ofScenario, ofModel } = splitAssignments(overrides.set ?? []);
  const revise = (value: unknown): Revised => reviseScenario(value, ofScenario);
  const scenario = ofKind('scenario', readSource(file, scenarioShape, revise), file);
  const named = overrides.model ?? modelOf(file, scenario.source?.value.cluster, revise);
  const model = named
    ? ofKind(
        'model',
        readSource(named, modelShape, (value) => reviseModel(value, ofModel)),
        named,
      )
    : { source: undefined, problems: [] };
  const problems = [...scenario.problems, ...model.problems];
  if (!scenario.source || !model.source) return { loaded: undefined, problems };
  if (overrides.seed !== undefined) scenario.source.value.seed = overrides.seed;
  return { loaded: { scenario: scenario.source, model: model.source }, problems };
}

/** Reads a cluster model alone. */
export function loadModel(file: string): { model: Source<Model> | undefined; problems: Problem[] } {
  const { source, problems } = ofKind('model', readSource(file, modelShape), file);
  return { model: source, problems };
}

/** The model is named relative to the scenario; a scenario with mistakes may still name it, so that both are checked. */
function modelOf(
  file: string,
  named: string | undefined,
  revise: (value: unknown) => Revised,
): string | undefined {
  return named === undefined ? clusterLine(file, revise) : resolve(dirname(file), named);
}

function clusterLine(file: string, revise: (value: unknown) => Revised): string | undefined {
  const loose = readSource(file, looseShape, revise);
  const named = loose.source?.value.cluster;
  return named ? resolve(dirname(file), named) : undefined;
}

type Read<T> = { source: Source<T> | undefined; problems: Problem[] };

const kinds = {
  scenario: { key: 'load', told: 'a scenario, not a cluster model', hint: 'give it as the scenario' },
  model: {
    key: 'servers',
    told: 'a cluster model, not a scenario',
    hint: 'name it by `cluster:` in a scenario, or with --model',
  },
} as const;

/** Where a file of the other kind was given, that is the one problem to tell. */
function ofKind<T>(wanted: keyof typeof kinds, read: Read<T>, file: string): Read<T> {
  if (read.source) return read;
  const keys = Object.keys(readSource(file, anyMap).source?.value ?? {});
  const other = kinds[wanted === 'model' ? 'scenario' : 'model'];
  if (keys.includes(kinds[wanted].key) || !keys.includes(other.key)) return read;
  const place = { file, line: 1, column: 1 };
  return {
    source: undefined,
    problems: [{ place, rule: 'file-kind', message: `this is ${other.told}`, hint: other.hint }],
  };
}

const anyMap = z.looseObject({});

const looseShape = scenarioShape.pick({ cluster: true }).loose();
