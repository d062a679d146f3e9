import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Axis } from '../analysis/sweep-result.ts';
import type { ExitCode } from '../kernel/errors.ts';
import { renderSweepCsv } from '../report/sweep-csv.ts';
import { renderSweep } from '../report/sweep-text.ts';
import { parseAxis } from '../study/sweep/axes.ts';
import {
  conductSweep,
  firstRuns,
  maxRunsOption,
  noteIdleBound,
  untilCiOption,
  usualMostRuns,
} from './conduct-sweep.ts';
import type { CommonOptions } from './output.ts';
import { defaultFolder, parseCount, parseSeed, thresholdOption } from './run-options.ts';

interface SweepOptions extends CommonOptions {
  set: Axis[];
  threshold: string[];
  world: 'live' | 'simulated';
  repeat?: number;
  untilCi?: number;
  maxRuns?: number;
  model?: string;
  seed?: number;
  out?: string;
  resume?: boolean;
  csv?: boolean;
}

/** `pgdrill sweep <scenario>`: the same question for every combination of values. */
export function sweepCommand(): Command {
  return new Command('sweep')
    .description(
      'run a scenario for every combination of values and compare: a table, CSV, and a page with charts',
    )
    .argument('<scenario>', 'scenario file (YAML)')
    .addOption(
      new Option(
        '--set <path=v1,v2…>',
        'vary a value: of the scenario (load.sessions), of its model (model.servers.server1.postgres.weight), standbys, or pgpoolServer; may be given again',
      )
        .argParser(addAxis)
        .default([], 'none: one cell'),
    )
    .addOption(
      new Option('--world <world>', 'virtual time, or real servers of this machine, one run after the other')
        .choices(['simulated', 'live'])
        .default('simulated'),
    )
    .option('--repeat <n>', 'runs of each cell, with seeds that follow each other (default: 1)', parseCount)
    .addOption(untilCiOption())
    .addOption(maxRunsOption())
    .option('--model <file>', "cluster model that replaces the scenario's")
    .option('--seed <integer>', "seed of each cell's first run that replaces the scenario's", parseSeed)
    .addOption(thresholdOption())
    .option('--out <folder>', 'result folder (default: a new one under results/)')
    .option('--resume', 'go on with the sweep in the result folder: finished runs of equal plans are kept')
    .option('--json', 'print the result as one JSON value and nothing else on stdout')
    .option('--csv', 'print the table as CSV and nothing else on stdout')
    .option('--quiet', 'no progress on stderr')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill sweep workloads/compare-weights.yaml --set model.servers.server1.postgres.weight=0,0.5,1 --repeat 5',
    )
    .action(async (scenario: string, options: SweepOptions) => {
      noteIdleBound(options);
      process.exitCode = await carryOut(scenario, options);
    });
}

function carryOut(scenario: string, options: SweepOptions): Promise<ExitCode> {
  const { set: axes, world, repeat, untilCi, maxRuns = usualMostRuns, model, seed, resume = false } = options;
  const request = {
    scenario,
    world,
    axes,
    thresholds: options.threshold,
    repeat: repeat ?? (untilCi === undefined ? 1 : Math.min(firstRuns, maxRuns)),
    wanted: untilCi ?? null,
    mostRuns: maxRuns,
    folder: resolve(options.out ?? defaultFolder(scenario, `sweep-${world}`)),
    resume,
    ...(model === undefined ? {} : { model: resolve(model) }),
    ...(seed === undefined ? {} : { seed }),
  };
  return conductSweep(request, options, (result) =>
    options.csv ? renderSweepCsv(result) : renderSweep(result),
  );
}

function addAxis(text: string, axes: readonly Axis[]): Axis[] {
  return [...axes, parseAxis(text)];
}
