import { resolve } from 'node:path';
import { Command } from 'commander';
import { ExitCode } from '../kernel/errors.ts';
import { renderJson } from '../report/json.ts';
import { renderTerminal } from '../report/terminal.ts';
import { writeReports } from '../run/reports.ts';
import { type CommonOptions, print } from './output.ts';

/**
 * `pgdrill report <folder>`: analyses a result folder again, also one of a run that was cut short. It succeeds when the report
 * is written; a verdict of fail, which thresholds may bring, ends it as it ended the run.
 */
export function reportCommand(): Command {
  return new Command('report')
    .description('analyse a result folder again and write its summary.json and report.html')
    .argument('<folder>', 'result folder of run or simulate')
    .option('--json', 'print the summary as one JSON value and nothing else on stdout')
    .option('--quiet', 'no notes on stderr')
    .addHelpText('after', '\nExample:\n  pgdrill report results/before-the-window --json')
    .action((folder: string, options: CommonOptions) => {
      const summary = writeReports(resolve(folder));
      print(
        options.json
          ? renderJson(summary)
          : `${renderTerminal(summary)}\nReport: ${resolve(folder)}/report.html`,
      );
      if (summary.verdict.result === 'fail') process.exitCode = ExitCode.crossed;
    });
}
