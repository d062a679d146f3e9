import { Option } from 'commander';
import type { SweepResult } from '../analysis/sweep-result.ts';
import { ExitCode } from '../kernel/errors.ts';
import { renderSweepCsv } from '../report/sweep-csv.ts';
import { renderSweepHtml } from '../report/sweep-html.ts';
import { type SweepFolder, sweepFiles } from '../study/sweep/folder.ts';
import { type SweepRequest, sweep } from '../study/sweep.ts';
import { type CommonOptions, explain, interruptSignal, noteTo, print } from './output.ts';
import { parseCount, parseShare } from './run-options.ts';

/** Runs before a precision is looked at, where nothing else is said: an interval of fewer is a matter of luck. */
export const firstRuns = 10;

/** Runs a sweep, keeps its files, prints it, and says how it ended. */
export async function conductSweep(
  request: SweepRequest,
  options: CommonOptions & { csv?: boolean },
  render: (result: SweepResult) => string,
): Promise<ExitCode> {
  const progress = noteTo(options);
  const { signal, release } = interruptSignal(progress);
  try {
    const result = await sweep(request, { progress, signal, onResult: keep });
    if (options.json) print(JSON.stringify(result, null, 2));
    else print(render(result));
    progress(`Results: ${request.folder} (${Object.values(sweepFiles).join(', ')})`);
    return exitCodeOf(result);
  } catch (error) {
    const told = explain(error);
    return signal.aborted ? ExitCode.interrupted : told;
  } finally {
    release();
  }
}

function keep(result: SweepResult, folder: SweepFolder): void {
  folder.write(sweepFiles.result, `${JSON.stringify(result, null, 2)}\n`);
  folder.write(sweepFiles.table, renderSweepCsv(result));
  folder.write(sweepFiles.page, renderSweepHtml(result));
}

/** The worst of what became of the runs. */
export function exitCodeOf({ cells, interrupted }: Pick<SweepResult, 'cells' | 'interrupted'>): ExitCode {
  const verdicts = new Set(cells.flatMap(({ runs }) => runs.map(({ verdict }) => verdict.result)));
  if (interrupted) return ExitCode.interrupted;
  if (cells.some(({ state }) => state === 'failed') || verdicts.has('unknown')) return ExitCode.failed;
  if (verdicts.has('invalid')) return ExitCode.invalidRun;
  return verdicts.has('fail') ? ExitCode.crossed : ExitCode.ok;
}

/** `--until-ci 2%`: also of `pgdrill simulate`. */
export function untilCiOption(): Option {
  return new Option(
    '--until-ci <percent>',
    'more runs until the 95 % intervals of throughput and p99 of each class are within this share of their means',
  ).argParser(parseShare);
}

/** Runs of a cell at most, where nothing else is said. */
export const usualMostRuns = 100;

/** `--max-runs 100`: also of `pgdrill simulate`. */
export function maxRunsOption(): Option {
  return new Option(
    '--max-runs <n>',
    `with --until-ci: runs of a cell at most (default: ${usualMostRuns})`,
  ).argParser(parseCount);
}

/** Says on stderr where `--max-runs` was given and bounds nothing. */
export function noteIdleBound(options: CommonOptions & { untilCi?: number; maxRuns?: number }): void {
  if (options.maxRuns === undefined || options.untilCi !== undefined) return;
  noteTo(options)('warning: --max-runs bounds nothing without --until-ci');
}
