import type { Clock } from '../../kernel/clock.ts';
import type { RecordedEvent } from '../../recording/events.ts';
import { primaryMeantBy } from '../../roles/pgpool-failover.ts';
import type { SimCluster } from '../../sim/cluster.ts';
import type { PgpoolFront } from '../../sim/pgpool-front.ts';

/** What an application would meet over a stretch of time, and what Pgpool and the servers were. */
export interface Seen {
  /** Longest time without a new session that can write; Infinity when there was none at the end. */
  writeOutageMs: number;
  readOutageMs: number;
  /** From the first instant with fewer serving standbys than at the start until there were as many for good. */
  reducedReadMs: number;
  standbysAtEnd: number;
}

/** Longest and last stretch without something. */
class Lack {
  #sinceMs: number | null = null;
  #longestMs = 0;

  note(has: boolean, atMs: number): void {
    if (!has) this.#sinceMs ??= atMs;
    else if (this.#sinceMs !== null) {
      this.#longestMs = Math.max(this.#longestMs, atMs - this.#sinceMs);
      this.#sinceMs = null;
    }
  }

  get longestMs(): number {
    return this.#sinceMs === null ? this.#longestMs : Number.POSITIVE_INFINITY;
  }
}

/**
 * Looks at a simulated cluster at every change of its state: a new session is tried, and sessions that stand open are
 * there to notice a lost backend as an application's would (docs/timeline.md).
 */
export class ClusterWatch {
  readonly #clock: Clock;
  readonly #cluster: SimCluster;
  readonly #record: (event: RecordedEvent) => void;
  readonly #seen = new Map<string, string>();
  /** A session that stands open on each node that takes reads. */
  readonly #standing = new Map<string, object>();
  #due = false;
  #write = new Lack();
  #read = new Lack();
  #standbys = 0;
  #standbysAtStart: number | null = null;
  #reducedAtMs: number | null = null;
  #restoredAtMs: number | null = null;
  /** Stretches in which a new session could write; the last one has no end while it lasts. */
  #writable: { startMs: number; endMs: number }[] = [];

  constructor(clock: Clock, cluster: SimCluster, record: (event: RecordedEvent) => void) {
    this.#clock = clock;
    this.#cluster = cluster;
    this.#record = record;
    cluster.fronts.onChange(() => this.#lookSoon());
  }

  /** From now on it counts: the drill, or what goes before it, is about to begin. */
  begin(): void {
    this.#write = new Lack();
    this.#read = new Lack();
    this.#seen.clear();
    this.#look();
    this.#standbysAtStart ??= this.#standbys;
    this.#reducedAtMs = null;
    this.#noteReduced();
  }

  /** The first instant at or after another at which a new session could write; null when there was none. */
  writableFrom(atMs: number): number | null {
    const stretch = this.#writable.find(({ endMs }) => endMs > atMs);
    return stretch ? Math.max(atMs, stretch.startMs) : null;
  }

  /** @param injectedMs what was lacking before counts from here */
  result(injectedMs: number): Seen {
    const endless = Number.POSITIVE_INFINITY;
    return {
      writeOutageMs: this.#write.longestMs,
      readOutageMs: this.#read.longestMs,
      reducedReadMs:
        this.#reducedAtMs === null
          ? 0
          : (this.#restoredAtMs ?? endless) - Math.max(injectedMs, this.#reducedAtMs),
      standbysAtEnd: this.#standbys,
    };
  }

  #lookSoon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#clock.setTimeout(() => {
      this.#due = false;
      this.#look();
    }, 0);
  }

  #look(): void {
    const atMs = this.#clock.nowMs();
    this.#noteRoles(atMs);
    const front = this.#cluster.fronts.reached;
    if (!front) {
      this.#noteSilence(atMs);
      return;
    }
    const admitted = front.admit();
    const nodes = admitted?.ok === true ? admitted.nodes : null;
    const serves = (id: number): boolean => front.sight.server(id).accepts && !front.sight.silent(id);
    this.#read.note(nodes !== null, atMs);
    const primary = nodes && primaryMeantBy(front.pgpool.state(), nodes);
    const writes = primary !== null && front.sight.server(primary).state === 'primary' && serves(primary);
    this.#write.note(writes, atMs);
    this.#noteWritable(writes, atMs);
    if (nodes) for (const node of nodes) this.#stand(front, node, nodes);
    this.#noteStandbys(front, serves);
    this.#noteReduced();
  }

  /** No Pgpool has the address. */
  #noteSilence(atMs: number): void {
    this.#read.note(false, atMs);
    this.#write.note(false, atMs);
    this.#noteWritable(false, atMs);
    this.#standbys = 0;
    this.#noteReduced();
  }

  /** Keeps a session open whose reads go to `node`, until it is cut. */
  #stand(front: PgpoolFront, node: number, nodes: readonly number[]): void {
    const place = `${front.host} ${node}`;
    if (this.#standing.has(place)) return;
    const session = {
      backends: front.backendsNow(nodes),
      loadBalanceNode: node,
      isDoomed: false,
      end: () => {
        this.#standing.delete(place);
        this.#lookSoon();
      },
    };
    this.#standing.set(place, session);
    front.sessions.joined(session);
  }

  #noteRoles(atMs: number): void {
    const { fronts, servers } = this.#cluster;
    for (const server of servers) {
      const role = server.visibleRole;
      if (this.#isNew(server.name, role))
        this.#record({ type: 'serverRole', server: server.name, role, position: null, atMs });
    }
    for (const front of fronts.all) if (front.alive) this.#noteNodes(front, atMs);
  }

  #noteNodes({ host, pgpool, sight }: PgpoolFront, atMs: number): void {
    for (const [id, { status, role }] of pgpool.nodes().entries()) {
      const { name } = sight.server(id);
      if (this.#isNew(`node ${id} of ${host}`, `${status} ${role}`))
        this.#record({ type: 'backendStatus', pgpool: host || 'pgpool', server: name, status, role, atMs });
    }
  }

  #noteStandbys(front: PgpoolFront, serves: (id: number) => boolean): void {
    const { servers } = this.#cluster;
    const { status } = front.pgpool.state();
    this.#standbys = servers.filter(
      ({ id, state }) =>
        front.alive && state === 'standby' && serves(id) && (status[id] === 'up' || status[id] === 'waiting'),
    ).length;
  }

  #noteReduced(): void {
    const atMs = this.#clock.nowMs();
    if (this.#standbysAtStart === null) return;
    if (this.#standbys < this.#standbysAtStart) {
      this.#reducedAtMs ??= atMs;
      this.#restoredAtMs = null;
    } else if (this.#reducedAtMs !== null) this.#restoredAtMs ??= atMs;
  }

  #noteWritable(writes: boolean, atMs: number): void {
    const last = this.#writable.at(-1);
    const open = last?.endMs === Number.POSITIVE_INFINITY;
    if (writes && !open) this.#writable.push({ startMs: atMs, endMs: Number.POSITIVE_INFINITY });
    else if (!writes && open && last) last.endMs = atMs;
  }

  #isNew(what: string, value: string): boolean {
    if (this.#seen.get(what) === value) return false;
    this.#seen.set(what, value);
    return true;
  }
}
