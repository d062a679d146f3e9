/** What a client asks for; a cached connection serves it when all three are equal. */
export interface PoolKey {
  user: string;
  database: string;
  /** The rest of the startup packet, byte for byte: another application_name is another packet. */
  startupPacket: string;
}

/** One cached set of backend connections. */
export interface PoolEntry extends PoolKey {
  /** Nodes that it is connected to. */
  nodes: readonly number[];
  /** When its last client left. */
  closedAtMs: number;
}

/** The cache of one child and what decides over the child's life. */
export interface ChildPool {
  entries: readonly PoolEntry[];
  clients: number;
  /** When it last had a client, 0 for never. */
  idleSinceMs: number;
}

/** Times in ms, 0 for no limit. */
export interface PoolLimits {
  maxPool: number;
  childMaxConnections: number;
  childLifeTimeMs: number;
  connectionLifeTimeMs: number;
}

export const emptyPool: ChildPool = { entries: [], clients: 0, idleSinceMs: 0 };

/** Databases whose connections are closed with each client (child.c: backend_cleanup). */
const uncached: ReadonlySet<string> = new Set(['postgres', 'template0', 'template1', 'regression']);

/** A client has come: whether connections are reused, and which sets are closed for it. */
export interface Arrival {
  pool: ChildPool;
  /** The set that serves the client; null when connections must be made. */
  reused: PoolEntry | null;
  closed: readonly PoolEntry[];
}

const belongsTo = (entry: PoolEntry, key: PoolKey): boolean =>
  entry.user === key.user && entry.database === key.database;

/**
 * A client comes to a child: equal keys reuse the set; another startup packet of the same user and database closes it; a full
 * cache gives up the set that has rested longest.
 */
export function arrive(pool: ChildPool, key: PoolKey, { maxPool }: Pick<PoolLimits, 'maxPool'>): Arrival {
  const same = pool.entries.find((entry) => belongsTo(entry, key));
  const counted = { ...pool, clients: pool.clients + 1 };
  if (same?.startupPacket === key.startupPacket) {
    const entries = pool.entries.filter((entry) => entry !== same);
    return { pool: { ...counted, entries }, reused: same, closed: [] };
  }
  const others = pool.entries.filter((entry) => entry !== same);
  const oldest = others.toSorted((a, b) => a.closedAtMs - b.closedAtMs)[0];
  const evicted = others.length >= maxPool && oldest ? [oldest] : [];
  const entries = others.filter((entry) => !evicted.includes(entry));
  return { pool: { ...counted, entries }, reused: null, closed: [...(same ? [same] : []), ...evicted] };
}

/** The client leaves; `terminated`: with a Terminate message. Its connections are kept unless the database is special or it just vanished. */
export function leave(
  pool: ChildPool,
  key: PoolKey,
  { nodes, terminated, nowMs }: { nodes: readonly number[]; terminated: boolean; nowMs: number },
): ChildPool {
  const kept = terminated && !uncached.has(key.database);
  const entries = kept ? [...pool.entries, { ...key, nodes, closedAtMs: nowMs }] : pool.entries;
  return { ...pool, entries, idleSinceMs: nowMs };
}

/** The pool without the sets that have rested for `connection_life_time`. */
export function expire(
  pool: ChildPool,
  { connectionLifeTimeMs }: Pick<PoolLimits, 'connectionLifeTimeMs'>,
  nowMs: number,
): ChildPool {
  if (connectionLifeTimeMs === 0) return pool;
  const entries = pool.entries.filter(({ closedAtMs }) => nowMs - closedAtMs < connectionLifeTimeMs);
  return { ...pool, entries };
}

/** When a child without a client ends by itself, ms; Infinity for never. One that has served nobody yet lives on. */
export function endOfChildMs(
  { clients, idleSinceMs }: ChildPool,
  { childMaxConnections, childLifeTimeMs }: Pick<PoolLimits, 'childMaxConnections' | 'childLifeTimeMs'>,
): number {
  if (clients === 0) return Number.POSITIVE_INFINITY;
  if (childMaxConnections > 0 && clients >= childMaxConnections) return idleSinceMs;
  return childLifeTimeMs > 0 ? idleSinceMs + childLifeTimeMs : Number.POSITIVE_INFINITY;
}
