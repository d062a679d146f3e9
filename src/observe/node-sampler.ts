import { failureOf, type Observer, type ObserverOptions, probe, repeat } from './observer.ts';
import { type PcpEndpoint, type PcpNode, pcpNodes } from './pcp.ts';

/** Between two looks at Pgpool's node table, ms. */
const periodMs = 200;
const timeoutMs = 1000;

/**
 * Watches Pgpool's node table over PCP, which answers also while Pgpool refuses every session. Emits `backendStatus`
 * for each node at first sight and whenever its status or role changes.
 *
 * @param pgpool name of the Pgpool's server
 * @param serverOf name of the server behind a node id
 */
export function watchNodes(
  endpoint: PcpEndpoint,
  options: ObserverOptions & {
    pgpool: string;
    serverOf: (node: PcpNode) => string;
  },
): Observer {
  const { clock, emit, pgpool } = options;
  const seen = new Map<number, string>();
  const names = { observer: 'pcp', target: pgpool };
  const told = probe(options, names);
  let stopped = false;
  const look = async (): Promise<void> => {
    const nodes = await pcpNodes(endpoint, { clock, timeoutMs }).catch((cause: Error) => cause);
    if (stopped) return;
    told(nodes instanceof Error ? nodes.message : null);
    if (nodes instanceof Error) return;
    for (const node of nodes) {
      const { id, status, role } = node;
      if (seen.get(id) === `${status} ${role}`) continue;
      seen.set(id, `${status} ${role}`);
      emit({
        type: 'backendStatus',
        atMs: clock.nowMs(),
        pgpool,
        server: options.serverOf(node),
        status,
        role,
      });
    }
  };
  const polling = repeat(clock, periodMs, { look, onFailure: failureOf(options, names) });
  return {
    stop: () => {
      stopped = true;
      polling.stop();
    },
  };
}
