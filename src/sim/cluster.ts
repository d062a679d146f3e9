import { clusterArgument } from '../drills/catalogue.ts';
import type { ActionResult, ClusterView, DrillAction } from '../drills/world.ts';
import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { Random } from '../kernel/random.ts';
import { EfmAgent } from '../roles/efm-agent.ts';
import { FailedServer } from '../roles/failed-server.ts';
import type { RecordedEventWithoutTime } from '../roles/host.ts';
import type { PgpoolSettings } from '../roles/pgpool.ts';
import type { AgentPlace, Backend, Cluster } from '../topology/cluster.ts';
import { parseEfmSettings } from '../topology/efm-properties.ts';
import { pgpoolDurationMs, pgpoolNumber, pgpoolSwitch } from '../topology/pgpool-conf.ts';
import { AgentNet, SimHost } from './agent-host.ts';
import { type Draw, Draws } from './draws.ts';
import { Observers } from './observers.ts';
import { PgpoolFront } from './pgpool-front.ts';
import { Replication } from './replication.ts';
import { Scripts } from './scripts.ts';
import { SimServer } from './server.ts';
import { Station } from './station.ts';

/** Servers are up, then Pgpool starts, then the agents one after the other: the first becomes the coordinator. */
const pgpoolAfterMs = 3000;
const agentsAfterMs = 4000;
const agentGapMs = 300;

/** Cores of the one machine that carries every server without a `cpu` of its own, as the lab's servers are (docs/method.md S2). */
const sharedCores = 2;

/** The hooks that the lab gives every agent. */
const labHooks = {
  'script.load.balancer.attach': 'load_balancer_attach.sh %h %t',
  'script.load.balancer.detach': 'load_balancer_detach.sh %h %t',
  'script.post.promotion': 'post_promotion.sh %p %f',
} as const;

/** The backend that is the primary when the cluster starts. */
function primaryAtStart(backends: readonly Backend[]): Backend {
  const primary = backends.find(({ roleAtStart }) => roleAtStart === 'primary');
  invariant(primary, 'the cluster has no primary');
  return primary;
}

/** Servers, replication, Pgpool, agents and observers of one cluster model, on one clock. */
export class SimCluster {
  readonly draws: Draws;
  readonly servers: readonly SimServer[];
  readonly replication: Replication;
  readonly front: PgpoolFront;
  readonly observers: Observers;
  readonly record: (event: RecordedEventWithoutTime) => void;
  readonly #clock: Clock;
  readonly #cluster: Cluster;
  readonly #agents = new Map<string, EfmAgent>();
  readonly #operator: Draw;
  readonly #rebuild: Draw;
  readonly #lastFailed = new FailedServer();

  constructor(
    clock: Clock,
    cluster: Cluster,
    { seed, record }: { seed: number; record: (event: RecordedEventWithoutTime) => void },
  ) {
    this.#clock = clock;
    this.#cluster = cluster;
    this.record = record;
    this.draws = new Draws(cluster.serviceTimes, new Random(seed).fork('simulated cluster'));
    const { draws } = this;
    const primary = primaryAtStart(cluster.backends);
    const shared = new Station(clock, sharedCores);
    const own = new Map(
      cluster.servers.map(({ name, cpu }) => [name, cpu === null ? shared : new Station(clock, cpu)]),
    );
    const stationOf = (name: string | undefined): Station => (name && own.get(name)) || shared;
    this.servers = cluster.backends.map(({ id, server: name }) => {
      const upstream = id === primary.id ? null : primary.server;
      return new SimServer(clock, draws, { name, id, station: stationOf(name), upstream });
    });
    this.replication = new Replication(clock, draws, this.servers);
    this.front = new PgpoolFront(clock, draws, {
      servers: this.servers,
      station: stationOf(cluster.pgpools[0]?.server),
      weights: cluster.backends.map(({ weight }) => weight),
      settings: pgpoolSettingsOf(cluster),
      primary: primary.id,
      follow: (run, done) => scripts.follow(run, done),
    });
    const { pgpool } = this.front;
    const scripts = new Scripts(clock, draws, { pgpool, servers: this.servers });
    const parts = { clock, draws, net: new AgentNet(clock, draws), replication: this.replication, scripts };
    const recordAgent = (event: RecordedEventWithoutTime): void => {
      if (event.type === 'agentState') this.#lastFailed.take({ ...event, atMs: clock.nowMs() });
      record(event);
    };
    for (const place of cluster.agents)
      this.#addAgent(place, { ...parts, servers: this.servers, record: recordAgent });
    this.observers = new Observers(clock, {
      pgpool,
      pgpoolName: cluster.pgpools[0]?.server ?? 'pgpool',
      servers: this.servers,
      replication: this.replication,
      draws,
      record,
    });
    this.#operator = draws.of('script', 'efm command');
    this.#rebuild = draws.of('rebuildServer', 'operator');
  }

  start(): void {
    for (const server of this.servers) server.send({ type: 'start' });
    this.#clock.setTimeout(() => this.front.pgpool.start(), pgpoolAfterMs);
    for (const [position, agent] of [...this.#agents.values()].entries()) {
      this.#clock.setTimeout(() => agent.start(), agentsAfterMs + position * agentGapMs);
    }
  }

  close(): void {
    this.observers.stop();
    for (const agent of this.#agents.values()) agent.kill();
    this.front.pgpool.stop();
    for (const server of this.servers) server.close();
  }

  view(): ClusterView {
    return {
      primary: this.servers.find(({ state }) => state === 'primary')?.name ?? null,
      agentBeside: (server) => [...this.#agents.keys()].find((name) => name !== server) ?? null,
      lastFailed: this.#lastFailed.name,
    };
  }

  perform(action: DrillAction, done: (result: ActionResult) => void): void {
    if (action.type === 'efm') {
      this.#command(action.server, action.args, done);
      return;
    }
    const server = this.servers.find(({ name }) => name === action.server);
    if (!server) {
      this.#clock.setTimeout(() => done({ ok: false, detail: `no server ${action.server}` }), 0);
      return;
    }
    if (action.type === 'killServer') {
      this.#lastFailed.killed(server.name, this.#clock.nowMs());
      server.send({ type: 'crash' });
      this.#clock.setTimeout(() => done({ ok: true, detail: null }), 0);
    } else this.#rebuildServer(server, action.primary, done);
  }

  /** Rows on the timeline of the one primary; null when there is none or several. */
  survivingRows(): readonly string[] | null {
    const primaries = this.servers.filter(({ state }) => state === 'primary');
    return primaries.length === 1 ? (primaries[0] as SimServer).rows : null;
  }

  #addAgent(place: AgentPlace, parts: ConstructorParameters<typeof SimHost>[1]): void {
    const properties = { 'is.witness': String(place.witness), ...labHooks, ...place.properties };
    const members = this.#cluster.agents.map(({ server }) => server);
    const identity = { node: place.server, members, clusterName: this.#cluster.efmCluster };
    const agent = new EfmAgent(new SimHost(place.server, parts), identity, parseEfmSettings(properties));
    this.#agents.set(place.server, agent);
    parts.net.join(place.server, (from, message) => agent.receive(from, message));
  }

  /** The `efm` program takes a moment to start, then asks the agent of its server. */
  #command(server: string, args: readonly string[], done: (result: ActionResult) => void): void {
    const agent = this.#agents.get(server);
    this.#clock.setTimeout(() => {
      if (!agent) {
        done({ ok: false, detail: `no agent on ${server}` });
        return;
      }
      const named = args.map((arg) => (arg === clusterArgument ? this.#cluster.efmCluster : arg));
      agent.command(named, ({ exitCode, stdout, stderr }) => {
        done({ ok: exitCode === 0, detail: (exitCode === 0 ? stdout : stderr).trim() || null });
      });
    }, this.#operator());
  }

  #rebuildServer(server: SimServer, primary: string, done: (result: ActionResult) => void): void {
    const source = this.servers.find(({ name }) => name === primary);
    const refuse = (detail: string): void => {
      this.#clock.setTimeout(() => done({ ok: false, detail }), 0);
    };
    if (server.state !== 'down') refuse(`${server.name} is not down`);
    else if (source?.state !== 'primary') refuse(`${primary} is no primary`);
    else {
      this.#clock.setTimeout(() => {
        this.replication.copy(server, source);
        server.send({ type: 'rebuilt', primary });
        server.send({ type: 'start' });
        server.whenIn(
          (state) => state !== 'starting',
          (state) => done({ ok: state === 'standby', detail: null }),
        );
      }, this.#rebuild());
    }
  }
}

/** What the statecharts read of pgpool.conf; the lab always sets a follow command. */
function pgpoolSettingsOf({ pgpoolSettings }: Cluster): PgpoolSettings {
  const searchMs = pgpoolDurationMs(pgpoolSettings, 'search_primary_node_timeout');
  const numInitChildren = pgpoolNumber(pgpoolSettings, 'num_init_children');
  invariant(
    searchMs !== undefined && numInitChildren !== undefined,
    'pgpool settings have passed their check',
  );
  return {
    searchPrimaryNodeTimeout: Math.ceil(searchMs / 1000),
    hasFollowCommand: true,
    failoverOnBackendError: pgpoolSwitch(pgpoolSettings, 'failover_on_backend_error'),
    failoverOnBackendShutdown: pgpoolSwitch(pgpoolSettings, 'failover_on_backend_shutdown'),
    numInitChildren,
  };
}
