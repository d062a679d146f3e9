import { join } from 'node:path';
import type { CommandRun } from '../../src/roles/pgpool-failover.ts';
import { readCommandLine } from '../../src/topology/command-line.ts';
import { type CommandNode, expandCommand } from '../../src/topology/pgpool-command.ts';

/** What failover_command and failback_command do beside saying what they were called with: nothing, or as Pgpool's sample does. */
export type CommandMode = 'notes' | 'promotes';

/** How long a command takes before it acts. */
export const commandMs = 400;

/** Every placeholder that 4.3.5 knows, one that it does not, and one amid a word. */
const placeholders = '%d %h %p %D %m %H %M %P %r %R %N %S %% %x d%dm%m';

/** Where the sample's tests find the failed node, the new main node and the old primary among them, from 0. */
const places = { node: 0, newMain: 4, newData: 9, oldPrimary: 7 } as const;

/** The lines of pgpool.conf; `{folder}` stands for the folder of the cluster. */
export function commandConf(mode: CommandMode): Readonly<Record<string, string>> {
  return {
    failover_command: `{folder}/command ${mode} failover ${placeholders}`,
    failback_command: `{folder}/command ${mode} failback ${placeholders}`,
  };
}

/** What the program is called with, as its own report shows the words. */
export function callOf(mode: CommandMode, run: CommandRun, nodes: readonly CommandNode[]): string {
  const line = expandCommand(`command ${mode} ${run.kind} ${placeholders}`, run, { nodes, version: '4.3.5' });
  const [words = []] = readCommandLine(line)?.clauses ?? [];
  return words
    .slice(2)
    .map((word) => `<${word}>`)
    .join('');
}

/** The node that a run promotes; null for none. As Pgpool's sample failover.sh: the new main node when the primary has gone, or none was known. */
export function promotedBy(
  mode: CommandMode,
  { kind, node, newMain, oldPrimary }: CommandRun,
): number | null {
  if (mode === 'notes' || kind === 'failback' || newMain < 0) return null;
  return oldPrimary === -1 || node === oldPrimary ? newMain : null;
}

/**
 * The program: into Pgpool's log, which is its own standard error too, it writes its words and its end, so that they stand among what the main
 * process writes in the order in which it happens.
 */
export function commandProgram(postgresBin: string): string {
  const argument = (at: number): string => `\${${at + 1}}`;
  return [
    '#!/bin/sh',
    'mode=$1 kind=$2',
    'shift',
    `printf 'called %s\\n' "$(printf '<%s>' "$@")" >&2`,
    'shift',
    `sleep ${commandMs / 1000}`,
    `if [ "$mode $kind" = 'promotes failover' ] && [ "${argument(places.newMain)}" -ge 0 ] &&`,
    `  { [ "${argument(places.oldPrimary)}" = -1 ] || [ "${argument(places.node)}" = "${argument(places.oldPrimary)}" ]; }; then`,
    `  ${join(postgresBin, 'pg_ctl')} -D "${argument(places.newData)}" -w promote >/dev/null 2>&1`,
    'fi',
    "printf 'ended\\n' >&2",
    '',
  ].join('\n');
}

/**
 * What the main process did since its start, in order, by Pgpool's log: which children it restarted, which command it called with which words and when
 * that ended, when it began to search for a primary.
 */
export function traceOf(log: string): string[] {
  const [, sinceStart = ''] = log.split(' successfully started. version');
  return sinceStart.split('\n').flatMap((line) => {
    if (/^(?:called <|ended$)/.test(line)) return [line];
    const said = / main pid \d+: LOG: {2}(.*)/.exec(line)?.[1] ?? '';
    if (said === 'Restart all children') return ['restart all'];
    const switched = /^Do not restart children because we are switching over node id (\d+)/.exec(said);
    if (switched) return [`restart those of ${switched[1]}`];
    if (said.startsWith('Do not restart children')) return ['restart none'];
    return said.startsWith('find_primary_node_repeatedly: waiting') ? ['search'] : [];
  });
}
