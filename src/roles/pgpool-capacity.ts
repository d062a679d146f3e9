/** How many clients a Pgpool takes, of its settings. */
export interface ClientCapacity {
  numInitChildren: number;
  reservedConnections: number;
  listenBacklogMultiplier: number;
}

/**
 * What a new client meets: a child at once; a place in the kernel's queue, connected but unanswered; nothing at all, where its
 * connect is repeated after 1, 3, 7 s; or `53300 Sorry, too many clients already`.
 */
export type Entrance = 'served' | 'queued' | 'unanswered' | 'rejected';

/**
 * Where the next client goes. A child serves one client until that leaves, also an idle one.
 *
 * With `reserved_connections` above 0 clients beyond num_init_children less that are told to go; with 0 they queue. The queue
 * of a listening socket on Linux holds one connection more than its backlog of num_init_children × listen_backlog_multiplier
 * (measured: backlog 6, 7 connections).
 */
export function entranceOf(
  { connected, queued }: { connected: number; queued: number },
  capacity: ClientCapacity,
): Entrance {
  const { numInitChildren, reservedConnections, listenBacklogMultiplier } = capacity;
  if (reservedConnections > 0 && connected >= numInitChildren - reservedConnections) return 'rejected';
  if (connected < numInitChildren) return 'served';
  return queued <= numInitChildren * listenBacklogMultiplier ? 'queued' : 'unanswered';
}

/** Backend connections that clients can make a Pgpool open on each node; what checks and cancel requests need comes on top. */
export function backendDemand({
  numInitChildren,
  maxPool,
}: {
  numInitChildren: number;
  maxPool: number;
}): number {
  return numInitChildren * maxPool;
}
