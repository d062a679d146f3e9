import type { Cluster } from '../topology/cluster.ts';
import { expandCommand } from '../topology/pgpool-command.ts';
import { type CommandAct, readCommand } from '../topology/pgpool-command-acts.ts';
import { commandNodesOf, commandPlaceOf } from './pgpool-commands.ts';

const names = ['failover_command', 'failback_command'] as const;

/** A run as they happen most often: the primary goes down while node 1 can take over, or comes back. */
const example = { node: 0, oldMain: 0, newMain: 1, oldPrimary: 0 };

/** How a command of Pgpool's is simulated, and what it may do beyond that; a sentence for each that is set. */
export function commandRemarks(cluster: Cluster): string[] {
  const host = cluster.pgpools[0]?.server ?? '';
  return names.flatMap((name) => {
    const line = cluster.pgpoolSettings[name] ?? '';
    if (line === '') return [];
    const options = { nodes: commandNodesOf(cluster), version: cluster.pgpoolVersion };
    const expanded = expandCommand(line, example, options);
    const { act, background } = readCommand(expanded, commandPlaceOf(cluster, host));
    const held = background
      ? 'Pgpool does not wait for it'
      : 'Pgpool opens no session until it ends and sets it no limit';
    return [`${name} ${meaningOf(act, { line, expanded })}; ${held}`];
  });
}

function meaningOf(act: CommandAct, { line, expanded }: { line: string; expanded: string }): string {
  switch (act.kind) {
    case 'promotes': {
      const sample = /(^|\/)failover\.sh(\s|$)/.test(line) ? " (taken for Pgpool's sample, by its name)" : '';
      const until = act.waits
        ? 'and waits for that, 60 s at most, longer for a host that is gone'
        : 'without waiting';
      return `promotes a server${sample} ${until}, as EFM does at the same time: two parties decide`;
    }
    case 'pcp':
      return `asks Pgpool for a change (pcp_${act.command}_node) that begins when the command has ended`;
    case 'script':
      return act.script === 'promote'
        ? 'runs post_promotion.sh, which waits in vain for a primary that Pgpool can only know after it: as long as PROMOTE_WAIT says'
        : `runs a script of scripts/efm, simulated as such`;
    case 'nothing':
      return 'changes no server; a script takes its time';
    case 'fails':
      return `ends in an error before it has done anything, as in "${expanded}"`;
    case 'unknown':
      return 'is taken as a script that changes no server, for what it does is not known: give its time in serviceTimes.failoverCommand';
  }
}
