import { resolve } from 'node:path';
import { Option } from 'commander';
import type { ExitCode } from '../kernel/errors.ts';
import { renderSweep } from '../report/sweep-text.ts';
import type { Assignment } from '../scenario/set.ts';
import { conductSweep, firstRuns, maxRunsOption, untilCiOption, usualMostRuns } from './conduct-sweep.ts';
import type { CommonOptions } from './output.ts';
import { defaultFolder, parseCount } from './run-options.ts';

interface ReplicateOptions extends CommonOptions {
  runs?: number;
  untilCi?: number;
  maxRuns?: number;
  model?: string;
  seed?: number;
  out?: string;
  threshold: string[];
  set: Assignment[];
}

/** The options with which `pgdrill simulate` runs a scenario many times. */
export function replicationOptions(): Option[] {
  return [
    new Option(
      '--runs <n>',
      'run it so often, with seeds that follow each other, and print intervals',
    ).argParser(parseCount),
    untilCiOption(),
    maxRunsOption(),
  ];
}

/** The scenario many times in virtual time: a sweep of a single cell. */
export function replicate(scenario: string, options: ReplicateOptions): Promise<ExitCode> {
  const { runs, untilCi, maxRuns = usualMostRuns, model, seed, out, threshold, set } = options;
  const request = {
    scenario,
    world: 'simulated' as const,
    axes: set.map(({ path, value }) => ({ path, values: [value] })),
    thresholds: threshold,
    repeat: runs ?? Math.min(firstRuns, maxRuns),
    wanted: untilCi ?? null,
    mostRuns: maxRuns,
    folder: resolve(out ?? defaultFolder(scenario, 'simulated-runs')),
    resume: false,
    ...(model === undefined ? {} : { model: resolve(model) }),
    ...(seed === undefined ? {} : { seed }),
  };
  return conductSweep(request, options, renderSweep);
}
