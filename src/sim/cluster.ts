import type { ActionResult, ClusterView, DrillAction } from '../drills/world.ts';
import type { VirtualClock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { Random } from '../kernel/random.ts';
import { FailedServer } from '../roles/failed-server.ts';
import type { RecordedEventWithoutTime } from '../roles/host.ts';
import type { Backend, Cluster } from '../topology/cluster.ts';
import type { RoutingRules } from '../topology/statement-routing.ts';
import type { AgentBeat } from './agent-host.ts';
import { AgentNet } from './agent-net.ts';
import { SimAgents } from './agents.ts';
import { Background } from './background.ts';
import { frontsOf } from './cluster-fronts.ts';
import { type Draw, Draws } from './draws.ts';
import { stationsOf } from './hosts.ts';
import { type LossStyle, Network } from './network.ts';
import { Observers } from './observers.ts';
import { PgpoolCommands } from './pgpool-commands.ts';
import type { PgpoolFronts } from './pgpool-fronts.ts';
import { Replication } from './replication.ts';
import { replicationSettings } from './replication-settings.ts';
import { routingRulesOf } from './script-plan.ts';
import { Scripts, type ScriptWaits } from './scripts.ts';
import { SimServer } from './server.ts';
import { VirtualIp } from './virtual-ip.ts';
import { watchdogPlanOf, watchdogStart } from './watchdog-settings.ts';

/** When the parts of a cluster start, ms after its servers; agents by their place in the node list. */
export interface StartTimes {
  /** Of each Pgpool, by its place in the model. */
  pgpoolMs(place: number): number;
  agentMs(position: number): number;
}

/** Servers are up, then Pgpool starts, then the agents one after the other. */
const startInOrder: StartTimes = { pgpoolMs: () => 3000, agentMs: (position) => 4000 + 300 * position };

/** A watchdog is at rest before the first agent starts. */
function startOf(cluster: Cluster): StartTimes {
  const plan = watchdogPlanOf(cluster);
  if (!plan) return startInOrder;
  const { startMs, readyMs } = watchdogStart(plan, (place) => place / cluster.pgpools.length);
  const { pgpoolMs, agentMs } = startInOrder;
  return {
    pgpoolMs: (place) => pgpoolMs(place) + (startMs[place] ?? 0),
    agentMs: (position) => readyMs + agentMs(position),
  };
}

/** Time that a cluster takes to start before the load: servers, then Pgpools and agents, then client sessions. */
export function leadMsOf(cluster: Cluster): number {
  return 16_000 + startOf(cluster).agentMs(0);
}

export interface SimClusterOptions {
  seed: number;
  record: (event: RecordedEventWithoutTime) => void;
  /** The waits of pgpool.env that differ from the shipped ones. */
  waits?: Partial<ScriptWaits>;
  /** Hears the agents' periodic work. */
  beat?: (beat: AgentBeat) => void;
  /** Pgpool has a follow_primary_command, as the lab's always has. */
  hasFollowCommand?: boolean;
  /** How a lost host meets a packet; silence, unless hosts share a machine whose kernel refuses for them. */
  lossStyle?: LossStyle;
}

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
  readonly fronts: PgpoolFronts;
  readonly observers: Observers;
  readonly routingRules: RoutingRules;
  readonly record: (event: RecordedEventWithoutTime) => void;
  readonly #clock: VirtualClock;
  readonly #cluster: Cluster;
  readonly #network: Network;
  readonly #agents: SimAgents;
  readonly #scripts: Scripts;
  readonly #commands: readonly PgpoolCommands[];
  readonly #background: Background;
  readonly #rebuild: Draw;
  readonly #startPgpool: Draw;
  readonly #lastFailed = new FailedServer();

  constructor(clock: VirtualClock, cluster: Cluster, options: SimClusterOptions) {
    const { seed, record, waits, lossStyle, beat } = options;
    this.#clock = clock;
    this.#cluster = cluster;
    this.record = record;
    this.draws = new Draws(cluster.serviceTimes, new Random(seed).fork('simulated cluster'));
    const { draws } = this;
    this.#network = new Network(
      cluster.servers.map(({ name }) => name),
      lossStyle,
    );
    const network = this.#network;
    const primary = primaryAtStart(cluster.backends);
    const stationOf = stationsOf(clock, cluster, draws);
    this.servers = cluster.backends.map(({ id, server: name }) => {
      const upstream = id === primary.id ? null : primary.server;
      return new SimServer(clock, draws, { name, id, station: stationOf(name), upstream });
    });
    const { servers } = this;
    const replication = new Replication(clock, draws, { servers, network, ...replicationSettings(cluster) });
    this.replication = replication;
    this.routingRules = routingRulesOf(cluster.pgpoolSettings);
    const fronts = frontsOf(cluster, {
      ...{ clock, draws, network, servers, replication, stationOf, record },
      primary: primary.id,
      hasFollowCommand: options.hasFollowCommand ?? true,
      follow: (run, done) => scripts.follow(run, done),
      command: (place, run, done) => this.#commands[place]?.run(run, done),
      beat: (node) => beat?.({ node, what: 'watchdog', tookMs: 0 }),
    });
    this.fronts = fronts;
    const scripts: Scripts = new Scripts(clock, draws, {
      front: fronts,
      servers,
      ...(waits ? { waits } : {}),
    });
    this.#scripts = scripts;
    this.#commands = fronts.all.map((front, place) => {
      const host = cluster.pgpools[place]?.server ?? '';
      return new PgpoolCommands(clock, draws, { cluster, host, front, scripts });
    });
    const recordAgent = (event: RecordedEventWithoutTime): void => {
      if (event.type === 'agentState') this.#lastFailed.take({ ...event, atMs: clock.nowMs() });
      record(event);
    };
    const shared = { clock, draws, network, servers, replication, fronts };
    const net = new AgentNet(clock, draws, network);
    const vip = new VirtualIp(network);
    this.#agents = new SimAgents(cluster, { ...shared, net, scripts, vip, beat, record: recordAgent });
    this.observers = new Observers(clock, {
      hosts: cluster.servers.flatMap(({ name }) => {
        const runs = servers.some((server) => server.name === name) ? 'postgres' : 'pgpool';
        const isPart = runs === 'postgres' || cluster.pgpools.some((place) => place.server === name);
        return isPart ? [{ name, runs, station: stationOf(name) }] : [];
      }),
      pgpools: fronts.all.map((front) => ({ name: front.host || 'pgpool', front })),
      servers,
      replication,
      draws,
      record,
    });
    this.#background = new Background(clock, draws, servers);
    this.#rebuild = draws.of('rebuildServer', 'operator');
    this.#startPgpool = draws.optional('startPgpool', 'Pgpool') ?? draws.of('startServer', 'Pgpool');
  }

  /** Scripts or the follow command still have work in the background. */
  get busy(): boolean {
    return this.#scripts.busy || this.commanding || this.fronts.switching;
  }

  /** A command that a Pgpool waits for is at work. */
  get commanding(): boolean {
    return this.#commands.some(({ busy }) => busy);
  }

  start({ pgpoolMs, agentMs }: StartTimes = startOf(this.#cluster)): void {
    for (const server of this.servers) server.send({ type: 'start' });
    for (const [place, front] of this.fronts.all.entries())
      this.#clock.setTimeout(() => front.start(), pgpoolMs(place));
    this.#agents.startAll(agentMs);
    this.#background.start();
  }

  close(): void {
    this.observers.stop();
    this.#background.stop();
    this.#agents.close();
    for (const front of this.fronts.all) front.stop();
    for (const server of this.servers) server.close();
  }

  view(): ClusterView {
    const named = (state: string): string[] =>
      this.servers.filter((server) => server.state === state && server.accepts).map(({ name }) => name);
    const { agents, backends } = this.#cluster;
    return {
      primary: named('primary')[0] ?? null,
      primaryAtStart: primaryAtStart(backends).server,
      standbys: named('standby'),
      witness: agents.find(({ witness }) => witness)?.server ?? null,
      pgpool: this.fronts.host || null,
      agentBeside: (server) => this.#agents.beside(server),
      lastFailed: this.#lastFailed.name,
    };
  }

  /** Carries a drill's action out; `done` is called once, later. */
  perform(action: DrillAction, done: (result: ActionResult) => void): void {
    const ended = (ok: boolean, detail: string | null): void => {
      this.#clock.setTimeout(() => done({ ok, detail }), 0);
    };
    if (action.type === 'efm') this.#agents.command(action.server, action.args, done);
    else if (action.type === 'partition') {
      this.#network.partition(action.sides);
      ended(true, null);
    } else if (action.type === 'heal') {
      this.#network.heal();
      ended(true, null);
    } else if (!this.#cluster.servers.some(({ name }) => name === action.server)) {
      ended(false, `no server ${action.server}`);
    } else if (action.type === 'rebuildServer') this.#rebuildServer(action, done);
    else {
      const refusal = this.#disturb(action);
      ended(refusal === null, refusal);
    }
  }

  /** @returns why it cannot be done; null when it is done */
  #disturb(action: Exclude<OnServer, { type: 'rebuildServer' }>): string | null {
    const { type, server: name } = action;
    const server = this.servers.find((entry) => entry.name === name);
    const noDatabase = `${name} has no PostgreSQL`;
    const front = this.fronts.on(name);
    const noPgpool = `${name} has no Pgpool`;
    switch (type) {
      case 'killServer':
        if (!server) return noDatabase;
        this.#lastFailed.killed(name, this.#clock.nowMs());
        server.send({ type: 'crash' });
        return null;
      case 'hangServer':
        if (!server) return noDatabase;
        this.#lastFailed.killed(name, this.#clock.nowMs());
        server.hang();
        return null;
      case 'wakeServer':
        server?.wake();
        return server ? null : noDatabase;
      case 'killAgent':
        this.#agents.kill(name);
        return null;
      case 'stopAgent':
        this.#agents.stop(name);
        return null;
      case 'startAgent':
        this.#agents.start(name);
        return null;
      case 'killPgpool':
        front?.kill();
        return front ? null : noPgpool;
      case 'startPgpool':
        if (front) this.#clock.setTimeout(() => front.restart(), this.#startPgpool());
        return front ? null : noPgpool;
      case 'loseNode':
        if (server) this.#lastFailed.killed(name, this.#clock.nowMs());
        this.#network.lose(name);
        server?.send({ type: 'crash' });
        this.#agents.kill(name);
        front?.kill();
        return null;
    }
  }

  /** Rows on the timeline of the one primary; null when there is none or several. */
  survivingRows(): Iterable<string> | null {
    const [primary, ...others] = this.servers.filter(({ state }) => state === 'primary');
    return primary && others.length === 0 ? primary.wal.log.ids(primary.wal.applied) : null;
  }

  /** A lost host is repaired first; its agent starts when the server is a standby. */
  #rebuildServer(
    { server: name, primary }: Extract<DrillAction, { type: 'rebuildServer' }>,
    done: (result: ActionResult) => void,
  ): void {
    const server = this.servers.find((entry) => entry.name === name);
    const source = this.servers.find((entry) => entry.name === primary);
    const refuse = (detail: string): void => {
      this.#clock.setTimeout(() => done({ ok: false, detail }), 0);
    };
    if (!server) refuse(`${name} has no PostgreSQL`);
    else if (server.state !== 'down') refuse(`${name} is not down`);
    else if (source?.state !== 'primary') refuse(`${primary} is no primary`);
    else {
      this.#network.repair(name);
      this.#clock.setTimeout(() => {
        this.replication.copy(server, source);
        server.send({ type: 'rebuilt', primary });
        server.send({ type: 'start' });
        server.whenIn(
          (state) => state !== 'starting',
          (state) => {
            this.#agents.start(name);
            done({ ok: state === 'standby', detail: null });
          },
        );
      }, this.#rebuild());
    }
  }
}

type OnServer =
  Extract<DrillAction, { server: string }> extends infer Action
    ? Action extends { type: 'efm' }
      ? never
      : Action
    : never;
