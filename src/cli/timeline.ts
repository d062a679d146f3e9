import { Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../kernel/time.ts';
import { renderTimeline } from '../study/timeline/text.ts';
import { timeline } from '../study/timeline.ts';
import { type CommonOptions, noteTo, print } from './output.ts';
import { parseSeed, wholeNumber } from './run-options.ts';

interface TimelineOptions extends CommonOptions {
  efm?: string;
  pgpool?: string;
  model?: string;
  drill: string;
  on?: string;
  versions?: string;
  trials: number;
  seed: number;
  target?: number;
}

/** `pgdrill timeline`: what a configuration makes of a fault, without any database. */
export function timelineCommand(): Command {
  return new Command('timeline')
    .description(
      'best, mean and worst length of every step of a switchover or failover, from configuration files',
    )
    .requiredOption('--drill <kind>', 'kind of drill, such as failover or switchover')
    .option('--on <server>', "server that the drill is about (default: the kind's own choice)")
    .option('--efm <file>', "efm.properties of a node (default: EFM's own defaults)")
    .option('--pgpool <file>', "pgpool.conf (default: the architecture guide's settings)")
    .option(
      '--model <file>',
      "cluster model with servers and service times (default: the guide's four servers)",
    )
    .option(
      '--versions <efm,pgpool>',
      "EFM's and Pgpool's version, such as 5.4,4.3.5 (default: what the files fit)",
    )
    .option('--trials <n>', 'simulated drills', wholeNumber({ least: 0, most: 2_147_483_647 }), 1000)
    .option('--seed <integer>', 'seed of phases and service times', parseSeed, 1)
    .option(
      '--target <duration>',
      'propose the smallest change that keeps the write outage below it',
      parseTarget,
    )
    .option('--json', 'print one JSON value and nothing else on stdout')
    .option('--quiet', 'no progress on stderr')
    .addHelpText(
      'after',
      '\nExample:\n  pgdrill timeline --efm /etc/edb/efm-5.4/efm.properties --pgpool /etc/pgpool2/pgpool.conf --drill failover --target 15s',
    )
    .action(carryOut);
}

async function carryOut(options: TimelineOptions): Promise<void> {
  const {
    efm = null,
    pgpool = null,
    model = null,
    versions = null,
    drill,
    on = null,
    trials,
    seed,
  } = options;
  const targetMs = options.target ?? null;
  const note = noteTo(options);
  const result = await timeline({ drill, on, efm, pgpool, model, versions, trials, seed, targetMs, note });
  print(options.json ? JSON.stringify(result, null, 2) : renderTimeline(result));
}

function parseTarget(text: string): number {
  const targetMs = parseDuration(text);
  if (targetMs !== undefined && targetMs > 0) return targetMs;
  throw new InvalidArgumentError(`a duration such as 15s or 500ms, got "${text}"`);
}
