import { resolve } from 'node:path';
import { Command } from 'commander';
import { ExitCode } from '../kernel/errors.ts';
import type { Summary } from '../recording/summary.ts';
import { renderJson } from '../report/json.ts';
import { type LiveState, LiveView } from '../report/live.ts';
import { renderTerminal } from '../report/terminal.ts';
import type { RunTick } from '../run/drive.ts';
import { type RunResult, run } from '../run.ts';
import type { Assignment } from '../scenario/set.ts';
import { noteIdleBound } from './conduct-sweep.ts';
import { type CommonOptions, explain, interruptSignal, noteTo, print } from './output.ts';
import { replicate, replicationOptions } from './replicate.ts';
import { defaultFolder, parseSeed, setOption, thresholdOption } from './run-options.ts';

interface RunOptions extends CommonOptions {
  model?: string;
  seed?: number;
  out?: string;
  threshold: string[];
  set: Assignment[];
  runs?: number;
  untilCi?: number;
  maxRuns?: number;
}

/** `pgdrill run <scenario>`: the scenario on real servers that pgdrill starts on this machine. */
export function runCommand(): Command {
  return scenarioCommand('run', 'live')
    .description('run a scenario on real PostgreSQL and Pgpool-II servers that are started on this machine')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill run workloads/rehearse-failover.yaml --out results/before-the-window',
    );
}

/** `pgdrill simulate <scenario>`: the whole run in virtual time; same seed, same bytes. */
export function simulateCommand(): Command {
  const command = scenarioCommand('simulate', 'simulated');
  for (const option of replicationOptions()) command.addOption(option);
  return command
    .description(
      'run a scenario in virtual time: no database, no root, seconds; the same seed gives the same bytes',
    )
    .addHelpText('after', '\nExample:\n  pgdrill simulate workloads/rehearse-failover.yaml --seed 7 --json');
}

function scenarioCommand(name: string, world: 'live' | 'simulated'): Command {
  return new Command(name)
    .argument('<scenario>', 'scenario file (YAML)')
    .option('--model <file>', "cluster model that replaces the scenario's")
    .option('--seed <integer>', "seed that replaces the scenario's", parseSeed)
    .option('--out <folder>', 'result folder (default: a new one under results/)')
    .addOption(thresholdOption())
    .addOption(setOption())
    .option('--json', 'print the summary as one JSON value and nothing else on stdout')
    .option('--quiet', 'no progress on stderr')
    .action(async (scenario: string, options: RunOptions) => {
      noteIdleBound(options);
      const isOne = options.runs === undefined && options.untilCi === undefined;
      process.exitCode = await (isOne ? carryOut(scenario, world, options) : replicate(scenario, options));
    });
}

async function carryOut(
  scenario: string,
  world: 'live' | 'simulated',
  options: RunOptions,
): Promise<ExitCode> {
  const view = new LiveView(process.stderr, { quiet: options.quiet ?? false });
  const note = (line: string): void => {
    view.clear();
    noteTo(options)(line);
  };
  const { signal, release } = interruptSignal(note);
  try {
    const result = await run(
      {
        scenario,
        world,
        folder: resolve(options.out ?? defaultFolder(scenario, world)),
        thresholds: options.threshold,
        set: options.set,
        ...(options.model ? { model: resolve(options.model) } : {}),
        ...(options.seed === undefined ? {} : { seed: options.seed }),
      },
      { progress: note, tick: (state) => view.update(liveState(state)), signal },
    );
    view.close();
    return report(result, options);
  } catch (error) {
    view.close();
    const told = explain(error);
    return signal.aborted ? ExitCode.interrupted : told;
  } finally {
    release();
  }
}

function liveState({ elapsedMs, totalMs, stage, primary, snapshot }: RunTick): LiveState {
  const rates = snapshot
    ? [
        { name: 'read', okPerSecond: snapshot.readsPerSecond, p99Ms: snapshot.readP99Ms },
        { name: 'write', okPerSecond: snapshot.writesPerSecond, p99Ms: snapshot.writeP99Ms },
      ]
    : [];
  const errors = snapshot?.errors ?? 0;
  return {
    elapsedMs,
    totalMs,
    phase: stage,
    classes: rates,
    errors,
    primary,
    readShare: snapshot?.readShare ?? {},
  };
}

function report({ summary, folder, interrupted, failure }: RunResult, options: RunOptions): ExitCode {
  if (options.json) print(renderJson(summary));
  else print(`${renderTerminal(summary)}\nResults: ${folder} (report.html, summary.json)`);
  const told = failure ? explain(failure) : exitCodeOf(summary);
  return interrupted ? ExitCode.interrupted : told;
}

/** The exit code that a verdict stands for. */
export function exitCodeOf({ verdict }: Summary): ExitCode {
  if (verdict.result === 'invalid') return ExitCode.invalidRun;
  if (verdict.result === 'fail') return ExitCode.crossed;
  if (verdict.result === 'unknown') return ExitCode.failed;
  return ExitCode.ok;
}
