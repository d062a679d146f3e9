import { statementsOnBothNodes } from '../../run/manifest.ts';
import type { ServiceTime } from '../../scenario/model-shape.ts';
import type { Quota } from '../../sim/analytic/quota.ts';
import type { SharedStation } from '../../sim/analytic/shared-station.ts';
import { sharedCores } from '../../sim/hosts.ts';
import { planScript, routingRulesOf } from '../../sim/script-plan.ts';
import { bracketShare } from '../../sim/statement-work.ts';
import { wakeShare } from '../../sim/wake.ts';
import type { Cluster } from '../../topology/cluster.ts';
import type { Script } from '../../workload/script.ts';
import type { ServiceState } from './states.ts';

/** What one execution of a script asks of Pgpool and the servers. */
export interface ScriptProfile {
  statements: number;
  /** Statements that go to the primary and to the session's own node, one after the other: BEGIN and END. */
  brackets: number;
  /** Its COMMIT is a statement of its own. */
  endsInCommit: boolean;
}

/** What an application asks of a cluster. */
export interface Demand {
  readsPerMs: number;
  writesPerMs: number;
  scripts: { read: ScriptProfile; write: ScriptProfile };
  sessions: number;
  /** Null: sessions are kept for ever. */
  sessionLifetimeMs: number | null;
  /** Every session has the next operation ready: nobody rests. */
  isSaturated?: boolean;
}

/** One limit on processor time: cores of a server or of the machine that several share, or a server's cap. */
export interface StationLoad extends SharedStation {
  name: string;
  kind: 'primary CPU' | 'standby CPU' | 'Pgpool CPU' | 'shared CPU';
}

/** What a job on a server competes with. */
export interface ServerLoad {
  processor: SharedStation;
  quota: Quota | null;
}

/** Work that arrives at one server, in cores; squares are ms of work² per ms, for its bursts. */
interface Work {
  offered: number;
  square: number;
  reads: { offered: number; square: number };
}

/** Name of the machine that carries every server without a `cpu` of its own. */
const sharedMachine = 'the shared machine';

/** The work that a demand brings to every server of a cluster in one state. */
export class Stations {
  readonly #work: ReadonlyMap<string, Work>;
  readonly #cluster: Cluster;
  readonly #state: ServiceState;

  constructor(cluster: Cluster, state: ServiceState, demand: Demand) {
    this.#cluster = cluster;
    this.#state = state;
    const work = new Map<string, Work>();
    for (const { name } of cluster.servers) {
      work.set(name, { offered: 0, square: 0, reads: { offered: 0, square: 0 } });
    }
    this.#work = work;
    const { readsPerMs, writesPerMs, scripts, sessions, sessionLifetimeMs } = demand;
    const { serviceTimes: times, pgpools } = cluster;
    const front = pgpools[0]?.server ?? '';
    const { read, write } = scripts;
    const statementsPerMs = readsPerMs * read.statements + writesPerMs * write.statements;
    const wakes = wakesOf(cluster, demand);
    this.#add(front, statementsPerMs, times.pgpoolStatement);
    this.#add(front, readsPerMs * wakes.read.pgpool + writesPerMs * wakes.write.pgpool, times.wakePgpool);
    if (sessionLifetimeMs !== null) {
      const mean = times.connect.mean / (cluster.backends.length + 1);
      this.#add(front, sessions / sessionLifetimeMs, { ...times.connect, mean });
      for (const { server } of [state.primary, ...state.standbys])
        this.#add(server, sessions / sessionLifetimeMs, times.reset);
    }
    for (const [server, share] of state.readShare) {
      const time = readTime(cluster, state, server);
      const perMs = readsPerMs * share * read.statements;
      const wakesPerMs = readsPerMs * share * wakes.read.worker;
      this.#add(server, perMs, time);
      const { reads } = this.#add(server, wakesPerMs, times.wake);
      reads.offered = perMs * time.mean + wakesPerMs * (times.wake?.mean ?? 0);
      reads.square = perMs * secondMoment(time) + wakesPerMs * secondMoment(times.wake);
      if (server === state.primary.server) continue;
      this.#add(server, writesPerMs * share * write.brackets, bracketTime(cluster, state, server));
      this.#add(server, writesPerMs * share * wakes.write.own, times.wake);
    }
    this.#add(state.primary.server, writesPerMs, times.write);
    this.#add(state.primary.server, writesPerMs * wakes.write.worker, times.wake);
    if (write.endsInCommit) this.#add(state.primary.server, writesPerMs, times.commit);
    for (const { server } of state.standbys) this.#add(server, writesPerMs, times.replay);
  }

  /**
   * What a job on a server meets.
   * @param readFactor times the reads of this server that the weights give it
   */
  of(server: string, readFactor = 1): ServerLoad {
    const own = this.#work.get(server) as Work;
    const more = own.reads.offered * (readFactor - 1);
    const offered = this.#together(server).reduce(
      (sum, name) => sum + (this.#work.get(name) as Work).offered,
      0,
    );
    const { cap } = this.#placeOf(server);
    const square = own.square + own.reads.square * (readFactor - 1);
    return {
      processor: { cores: this.#coresOf(server), offered: offered + more },
      quota: cap && { cores: cap.cpu, periodMs: cap.periodMs, offered: own.offered + more, square },
    };
  }

  /** Every processor and every cap with its load, also those that have none. */
  all(): StationLoad[] {
    const found = new Map<string, StationLoad>();
    for (const { name: server } of this.#cluster.servers) {
      const { processor, quota } = this.of(server);
      const shared = this.#placeOf(server).cpu === null;
      const kind = this.#kindOf(server);
      if (shared) found.set(sharedMachine, { name: sharedMachine, kind: 'shared CPU', ...processor });
      if (quota) found.set(server, { name: server, kind, cores: quota.cores, offered: quota.offered });
      else if (!shared) found.set(server, { name: server, kind, ...processor });
    }
    return [...found.values()];
  }

  #placeOf(server: string): Cluster['servers'][number] {
    return this.#cluster.servers.find(({ name }) => name === server) as Cluster['servers'][number];
  }

  /** Servers on the same processor. */
  #together(server: string): string[] {
    if (this.#placeOf(server).cpu !== null) return [server];
    return this.#cluster.servers.filter(({ cpu }) => cpu === null).map(({ name }) => name);
  }

  #coresOf(server: string): number {
    return this.#placeOf(server).cpu ?? sharedCores;
  }

  #kindOf(server: string): StationLoad['kind'] {
    const { primary, standbys } = this.#state;
    if (server === primary.server) return 'primary CPU';
    if (standbys.some((standby) => standby.server === server)) return 'standby CPU';
    return this.#cluster.backends.some((backend) => backend.server === server) ? 'standby CPU' : 'Pgpool CPU';
  }

  #add(server: string, perMs: number, time: ServiceTime | undefined): Work {
    const work = this.#work.get(server) ?? { offered: 0, square: 0, reads: { offered: 0, square: 0 } };
    work.offered += perMs * (time?.mean ?? 0);
    work.square += perMs * secondMoment(time);
    return work;
  }
}

/** The work of a read on a server, by its role in the state. */
export function readTime({ serviceTimes }: Cluster, { primary }: ServiceState, server: string): ServiceTime {
  return server === primary.server ? serviceTimes.read : (serviceTimes.readOnStandby ?? serviceTimes.read);
}

/** The work of BEGIN or END on a session's standby. */
export function bracketTime(cluster: Cluster, state: ServiceState, server: string): ServiceTime {
  return scaled(readTime(cluster, state, server), bracketShare);
}

/** Every draw of a time so many times as long. */
export function scaled(time: ServiceTime, factor: number): ServiceTime {
  const { mean, quantiles } = time;
  return {
    ...time,
    mean: factor * mean,
    ...(quantiles ? { quantiles: quantiles.map((one) => factor * one) } : {}),
  };
}

/** Wake-ups of an execution of each class: on the server that does its work, on a standby of its own, in Pgpool. */
export interface ScriptWakes {
  worker: number;
  own: number;
  pgpool: number;
}

/**
 * How often a session's processes have rested before a statement (docs/method.md S27): the sessions take turns, so that one
 * rests as long as they all take, and the primary sees one only when it writes; within a script the next
 * statement comes as soon as the answer was on both ways.
 */
export function wakesOf(
  { serviceTimes: times }: Cluster,
  { readsPerMs, writesPerMs, sessions, scripts, isSaturated = false }: Demand,
): Record<'read' | 'write', ScriptWakes> {
  const share = (restMs: number): number => wakeShare(restMs, times.wakeAfter?.mean);
  const nextMs = 2 * times.network.mean + (times.pgpoolStatement?.mean ?? 0);
  const turnMs = (perMs: number): number => (isSaturated ? nextMs : sessions / perMs);
  const first = share(turnMs(readsPerMs + writesPerMs));
  const later = (statements: number): number => Math.max(0, statements - 1) * share(nextMs);
  const { read, write } = scripts;
  const wholeMs = write.statements * nextMs + times.write.mean;
  const readWakes = first + later(read.statements);
  return {
    read: { worker: readWakes, own: 0, pgpool: readWakes },
    write: {
      worker: share(turnMs(writesPerMs)) + later(write.statements),
      own: write.brackets === 0 ? 0 : first + (write.brackets - 1) * share(wholeMs),
      pgpool: first + later(write.statements),
    },
  };
}

/** What a script asks, routed as Pgpool does with these settings. */
export function profileOf(script: Script, { pgpoolSettings, serviceTimes }: Cluster): ScriptProfile {
  const planned = planScript(script, routingRulesOf(pgpoolSettings));
  return {
    statements: planned.destinations.length,
    brackets: statementsOnBothNodes(planned),
    endsInCommit: serviceTimes.commit !== undefined && planned.lastCommit >= 0,
  };
}

function secondMoment(time: ServiceTime | undefined): number {
  return time ? time.mean * time.mean * (1 + time.variation * time.variation) : 0;
}
