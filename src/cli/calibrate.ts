import { existsSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { runForCalibration } from '../study/calibrate/live-runs.ts';
import { calibrationText } from '../study/calibrate/text.ts';
import { type CalibratedModel, calibrateModel } from '../study/calibrate.ts';
import { type CommonOptions, explain, interruptSignal, noteTo, print } from './output.ts';
import { defaultFolder } from './run-options.ts';

interface CalibrateOptions extends CommonOptions {
  model: string;
  out?: string;
  run?: string;
  results?: string;
  allowSimulated?: boolean;
}

/** `pgdrill calibrate <result…>`: service times of a cluster model from runs on real servers. */
export function calibrateCommand(): Command {
  return new Command('calibrate')
    .description('take the service times of a cluster model from recorded runs on real servers')
    .argument('[results...]', 'result folders of two or more runs of `pgdrill run` with other loads')
    .requiredOption('--model <file>', 'cluster model whose service times are replaced')
    .option('--out <file>', 'write the calibrated model here (default: print what was found, write nothing)')
    .option('--run <scenario>', 'make the runs now: this scenario on real servers at two loads')
    .option('--results <folder>', 'where --run puts its result folders (default: a new one under results/)')
    .option('--allow-simulated', 'take simulated runs too: a check of the method, no calibration')
    .option('--json', 'print one JSON value and nothing else on stdout')
    .option('--quiet', 'no progress on stderr')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill calibrate results/quiet results/busy --model models/reference-architecture.yaml --out models/mine.yaml',
    )
    .action(async (results: string[], options: CalibrateOptions) => {
      process.exitCode = await carryOut(results, options);
    });
}

async function carryOut(results: readonly string[], options: CalibrateOptions): Promise<ExitCode> {
  const { model, out, run: scenario, allowSimulated = false } = options;
  if (out !== undefined) checkTarget(model, out);
  if ((scenario === undefined) === (results.length === 0))
    throw new DrillError('name either result folders or a scenario to run (--run), and not both', {
      exitCode: ExitCode.usage,
      hint: 'pgdrill calibrate --help shows an example',
    });
  const note = noteTo(options);
  const { signal, release } = interruptSignal(note);
  try {
    const folder = resolve(options.results ?? defaultFolder(scenario ?? '', 'calibration'));
    const hooks = { progress: note, tick: () => {}, signal };
    const folders =
      scenario === undefined ? results : await runForCalibration(scenario, { model, folder, hooks });
    report(calibrateModel(folders, { model, out, allowSimulated }), options);
    return ExitCode.ok;
  } catch (error) {
    const told = explain(error);
    return signal.aborted ? ExitCode.interrupted : told;
  } finally {
    release();
  }
}

function report({ result, model }: CalibratedModel, { out, json, ...options }: CalibrateOptions): void {
  if (out !== undefined) writeFileSync(out, model);
  if (json) print(JSON.stringify(result, null, 2));
  else print(calibrationText(result));
  noteTo(options)(
    out === undefined
      ? 'nothing was written; --out FILE writes the calibrated model'
      : `the calibrated model is ${out}`,
  );
}

/** Nothing is overwritten but the model itself. */
function checkTarget(model: string, out: string): void {
  if (resolve(model) !== resolve(out) && existsSync(out))
    throw new DrillError(`${out} exists`, {
      hint: 'name another file, or remove it first',
      exitCode: ExitCode.usage,
    });
  if (!existsSync(dirname(resolve(out))))
    throw new DrillError(`the folder of ${out} does not exist`, { exitCode: ExitCode.usage });
}
