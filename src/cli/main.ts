#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { ExitCode } from '../kernel/errors.ts';
import { packageVersion } from '../lab/package-dir.ts';
import { explain, outliveReaders } from './output.ts';

/** The commands in the order of the help. Only the one that is called is loaded: all of them are half a second of a processor. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.ts')).runCommand(),
  simulate: async () => (await import('./run.ts')).simulateCommand(),
  sweep: async () => (await import('./sweep.ts')).sweepCommand(),
  usl: async () => (await import('./usl.ts')).uslCommand(),
  report: async () => (await import('./report.ts')).reportCommand(),
  lint: async () => (await import('./lint.ts')).lintCommand(),
  timeline: async () => (await import('./timeline.ts')).timelineCommand(),
  plan: async () => (await import('./plan.ts')).planCommand(),
  calibrate: async () => (await import('./calibrate.ts')).calibrateCommand(),
  lab: async () => (await import('./lab.ts')).labCommand(),
  pgbench: async () => (await import('./pgbench.ts')).pgbenchCommand(),
};

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
  const [word = ''] = process.argv.slice(2);
  const called = Object.hasOwn(commands, word) ? [commands[word]] : Object.values(commands);
  for (const load of called) if (load) program.addCommand(await load());
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
