import { Command, Option } from 'commander';
import { ExitCode } from '../kernel/errors.ts';
import { renderPlan } from '../study/plan/text.ts';
import { plan } from '../study/plan.ts';
import { type CommonOptions, noteTo, print } from './output.ts';
import { collect } from './run-options.ts';

interface PlanCommandOptions extends CommonOptions {
  model: string;
  slo: string[];
  survive: string[];
}

const example = `
Example:
  pgdrill plan --model models/capacity.yaml --reads 6000/s --writes 300/s \\
    --slo 'read.p99 < 20ms' --slo 'write.p99 < 60ms' --survive failover,standby-loss

Exit codes: 0 an answer was found, 1 wrong input, 99 no number of standbys will do.`;

/** `pgdrill plan`: how many standbys, with which weights, keep to the objectives in every state. */
export function planCommand(): Command {
  return new Command('plan')
    .description('how many standbys, with which weights, keep to the objectives, also after a loss')
    .requiredOption('--model <file>', 'cluster model with servers, their cpu, and service times')
    .option('--reads <rate>', 'reads a second at the peak, such as 2000/s')
    .option('--writes <rate>', 'writes a second at the peak')
    .option('--read-script <file>', "what a read does, in pgbench's language (default: builtin:select-only)")
    .option('--write-script <file>', 'what a write does (default: builtin:tpcb-like)')
    .addOption(
      new Option('--slo <threshold>', "objective such as 'read.p99 < 20ms'; may be given again")
        .argParser(collect)
        .default([], 'none, and one is needed'),
    )
    .addOption(
      new Option(
        '--survive <losses>',
        'failover, switchover, standby-loss, double-loss, or none; by comma or given again',
      )
        .argParser(collect)
        .default([], 'failover,standby-loss'),
    )
    .option('--max-standbys <n>', 'look at so many at most (default: 8)')
    .option('--sessions <n>', 'sessions of the application (default: all that Pgpool serves)')
    .option('--session-lifetime <duration>', 'after which a session is renewed (default: 30s)')
    .option('--databases <n>', 'pairs of user and database that the application uses (default: 1)')
    .option('--max-connections <n>', "the servers' max_connections (default: the model's, else 100)")
    .option('--runs <n>', 'simulations of each state that confirm the answer; 0 for none (default: 3)')
    .option('--seed <integer>', 'seed of the first simulation (default: 1)')
    .option('--json', 'print one JSON value and nothing else on stdout')
    .option('--quiet', 'no progress on stderr')
    .addHelpText('after', example)
    .action(async (options: PlanCommandOptions) => {
      const result = await plan(options, noteTo(options));
      print(options.json ? JSON.stringify(result, null, 2) : renderPlan(result));
      process.exitCode = result.answer.result === 'met' ? ExitCode.ok : ExitCode.crossed;
    });
}
