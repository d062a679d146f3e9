#!/usr/bin/env node
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { efmUsage } from '../roles/efm-command.ts';
import { askAgent } from './admin.ts';
import { defaultConfigDir, readAgentConfig } from './config.ts';

/** The `efm` command: hands its words to the agent of this server and prints the answer. */
async function main(args: readonly string[]): Promise<number> {
  const [command, cluster] = args;
  if (!command || command === '--help' || !cluster) {
    process.stdout.write(
      `${efmUsage}\nThe agent's files are read from EFM_CONFIG_DIR (default ${defaultConfigDir}).\n`,
    );
    return command === '--help' ? ExitCode.ok : ExitCode.usage;
  }
  const config = readAgentConfig(process.env.EFM_CONFIG_DIR ?? defaultConfigDir, cluster);
  const { exitCode, stdout, stderr } = await askAgent(config, args);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return exitCode;
}

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: Error) => {
    process.stderr.write(`efm: ${error.message}\n`);
    if (error instanceof DrillError && error.hint) process.stderr.write(`hint: ${error.hint}\n`);
    process.exitCode = ExitCode.usage;
  },
);
