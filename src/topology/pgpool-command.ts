import { branchOf, compareVersions } from './config/versions.ts';

/** A backend as the placeholders of Pgpool's commands name it. */
export interface CommandNode {
  /** backend_hostname */
  host: string;
  port: number;
  /** backend_data_directory */
  dataDirectory: string;
}

/** The node ids of one run of failover_command or failback_command; -1 for none. */
export interface CommandNodes {
  node: number;
  oldMain: number;
  newMain: number;
  oldPrimary: number;
}

/** What stands for a node that there is not. */
const nobody = '""';

/**
 * The line that Pgpool hands to the shell for `failover_command` or `failback_command`.
 *
 * From 4.4 on `%d`, `%p` and `%m` become the number with a blank before it, so `node%d` is two words and `"%d"` is never
 * equal to `"%P"`. 4.0 has no `%N` and `%S`. A letter that a version does not know becomes nothing; so does a data directory that
 * pgpool.conf does not name, and without quotes what follows it then is one argument earlier. `%r` and `%R` of 4.0 to 4.2 name the
 * lowest node in use, which `%m` is too in these versions.
 *
 * @param options.nodes by node id
 * @see Pgpool-II 4.0 to 4.7, src/main/pgpool_main.c: trigger_failover_command
 */
export function expandCommand(
  line: string,
  ids: CommandNodes,
  { nodes, version }: { nodes: readonly CommandNode[]; version: string },
): string {
  const branch = branchOf(version);
  const blank = compareVersions(branch, '4.4') >= 0 ? ' ' : '';
  const namesOldPrimary = compareVersions(branch, '4.1') >= 0;
  const of = (id: number, name: (node: CommandNode) => string | number): string => {
    const node = nodes[id];
    return node ? String(name(node)) : nobody;
  };
  return line.replace(/%([\s\S]?)/g, (_, letter: string) => {
    switch (letter) {
      case 'd':
        return `${blank}${ids.node}`;
      case 'h':
        return of(ids.node, ({ host }) => host);
      case 'p':
        return `${blank}${of(ids.node, ({ port }) => port)}`;
      case 'D':
        return of(ids.node, ({ dataDirectory }) => dataDirectory);
      case 'm':
        return `${blank}${ids.newMain}`;
      case 'H':
        return of(ids.newMain, ({ host }) => host);
      case 'r':
        return of(ids.newMain, ({ port }) => port);
      case 'R':
        return of(ids.newMain, ({ dataDirectory }) => dataDirectory);
      case 'M':
        return String(ids.oldMain);
      case 'P':
        return String(ids.oldPrimary);
      case 'N':
        return namesOldPrimary ? of(ids.oldPrimary, ({ host }) => host) : '';
      case 'S':
        return namesOldPrimary ? of(ids.oldPrimary, ({ port }) => port) : '';
      case '%':
        return '%';
      default:
        return '';
    }
  });
}
