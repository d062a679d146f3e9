import { type NodeStatus, type PgpoolState, validNodes } from './pgpool-failover.ts';

/**
 * The lines of Pgpool's status file, one a node: `up`, `down` or `unused`; a node that waits is written as up, one in
 * quarantine as down.
 *
 * @returns null when nothing is written, which is while every node is down: the file keeps the last survivors
 * @see Pgpool-II 4.3.5, src/main/pgpool_main.c: write_status_file
 */
export function statusFileOf(status: readonly NodeStatus[]): readonly NodeStatus[] | null {
  const lines = status.map((entry): NodeStatus => {
    if (entry === 'waiting') return 'up';
    return entry === 'quarantine' ? 'down' : entry;
  });
  return lines.every((line) => line === 'down') ? null : lines;
}

/**
 * The state in which a Pgpool starts, before it has looked for the primary.
 *
 * Without a file (`-D` deletes it), and with one that names no node as up, every node waits.
 *
 * @param file lines of the status file; a node that it does not name is unused
 * @see Pgpool-II 4.3.5, src/main/pgpool_main.c: read_status_file
 */
export function startState(nodes: number, file: readonly NodeStatus[] | null): PgpoolState {
  const ids = Array.from({ length: nodes }, (_, id) => id);
  const status = ids.map((id): NodeStatus => (file?.includes('up') ? (file[id] ?? 'unused') : 'waiting'));
  return { status, primary: -1, main: validNodes(status)[0] ?? 0 };
}
