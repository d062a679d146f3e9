#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { ExitCode } from '../kernel/errors.ts';
import { packageVersion } from '../run/manifest.ts';
import { calibrateCommand } from './calibrate.ts';
import { labCommand } from './lab.ts';
import { lintCommand } from './lint.ts';
import { explain, outliveReaders } from './output.ts';
import { pgbenchCommand } from './pgbench.ts';
import { planCommand } from './plan.ts';
import { reportCommand } from './report.ts';
import { runCommand, simulateCommand } from './run.ts';
import { sweepCommand } from './sweep.ts';
import { timelineCommand } from './timeline.ts';
import { uslCommand } from './usl.ts';

const exitCodes = `
Exit codes:
  0    ok
  1    wrong usage, or input that cannot be read or run; nothing was started
  2    the run failed, a drill could not be carried out, or the run is not whole;
       partial results are kept
  3    the run is not valid: generator saturated, a worker lost, counts that differ
  99   the verdict is fail, or lint has an error-level finding
  130  interrupted; partial results are kept, every server is stopped

Example:
  pgdrill simulate workloads/rehearse-failover.yaml`;

async function main(): Promise<void> {
  outliveReaders();
  const program = new Command('pgdrill')
    .description(
      'What will my application see, on this EFM and Pgpool topology, at this load, when this happens to it?',
    )
    .version(packageVersion())
    .enablePositionalOptions()
    .addHelpText('after', exitCodes)
    .showHelpAfterError('(add --help for the usage)');
  for (const command of [
    runCommand(),
    simulateCommand(),
    sweepCommand(),
    uslCommand(),
    reportCommand(),
    lintCommand(),
    timelineCommand(),
    planCommand(),
    calibrateCommand(),
    labCommand(),
    pgbenchCommand(),
  ])
    program.addCommand(command);
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap(({ commands }) => commands),
  ]) {
    command.exitOverride();
  }
  await program.parseAsync();
}

main().catch((error: unknown) => {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  else process.exitCode = explain(error);
});
