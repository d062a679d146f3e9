import type { Clock } from '../kernel/clock.ts';
import type { Pgpool } from '../roles/pgpool.ts';
import type { CommandRun } from '../roles/pgpool-failover.ts';
import { kernelConnectMs } from '../roles/pgpool-sessions.ts';
import type { Cluster } from '../topology/cluster.ts';
import { type CommandNode, expandCommand } from '../topology/pgpool-command.ts';
import { type CommandAct, type CommandPlace, readCommand } from '../topology/pgpool-command-acts.ts';
import type { BackendSight } from './backend-sight.ts';
import type { Draw, Draws } from './draws.ts';
import type { Scripts } from './scripts.ts';

/** pg_ctl promote and pg_promote() wait so long for a promotion (PGCTLTIMEOUT and wait_seconds of PostgreSQL 15). */
const promotionWaitMs = 60_000;

export interface PgpoolCommandsOptions {
  cluster: Cluster;
  /** The server that this Pgpool runs on. */
  host: string;
  /** This Pgpool, as it is when a command runs, and the backends as it meets them. */
  front: { readonly pgpool: Pgpool; readonly sight: BackendSight };
  /** The scripts as this Pgpool's server runs them. */
  scripts: Scripts;
}

/**
 * failover_command and failback_command of one simulated Pgpool: each takes its time (`failoverCommand`, without it `script`),
 * then does what its line is known to do. One that nobody knows does nothing to servers (docs/method.md S35).
 */
export class PgpoolCommands {
  readonly #clock: Clock;
  readonly #options: PgpoolCommandsOptions;
  readonly #nodes: readonly CommandNode[];
  readonly #place: CommandPlace;
  readonly #took: Draw;
  #running = 0;

  constructor(clock: Clock, draws: Draws, options: PgpoolCommandsOptions) {
    this.#clock = clock;
    this.#options = options;
    const { cluster, host } = options;
    this.#nodes = commandNodesOf(cluster);
    this.#place = commandPlaceOf(cluster, host);
    const source = `commands of Pgpool on ${host}`;
    this.#took = draws.optional('failoverCommand', source) ?? draws.of('script', source);
  }

  /** A command runs. */
  get busy(): boolean {
    return this.#running > 0;
  }

  /** Runs a command as Pgpool's main process does. @param done called once, later: Pgpool goes on */
  run(run: CommandRun, done: () => void): void {
    const { pgpoolSettings, pgpoolVersion: version } = this.#options.cluster;
    const line = pgpoolSettings[`${run.kind}_command`] ?? '';
    const { act, background } = readCommand(
      expandCommand(line, run, { nodes: this.#nodes, version }),
      this.#place,
    );
    this.#running += 1;
    const ended = (): void => {
      this.#running -= 1;
      if (!background) done();
    };
    if (background) this.#clock.setTimeout(done, 0);
    this.#clock.setTimeout(() => this.#act(act, ended), this.#took());
  }

  #act(act: CommandAct, done: () => void): void {
    const { front, scripts } = this.#options;
    switch (act.kind) {
      case 'promotes':
        this.#promote(act, done);
        return;
      case 'pcp':
        front.pgpool[act.command](act.node);
        done();
        return;
      case 'script':
        if (act.script === 'follow') scripts.follow(act, done);
        else if (act.script === 'attach') scripts.attach(act.node, act.type, done);
        else scripts[act.script](act.node, done);
        return;
      default:
        done();
    }
  }

  /** A server that runs no standby refuses at once; one whose host is lost leaves the connection to the kernel. */
  #promote(act: CommandAct & { kind: 'promotes' }, done: () => void): void {
    const { sight } = this.#options.front;
    const server = sight.server(act.node);
    if (sight.greeting(act.node) === 'drops') this.#clock.setTimeout(done, kernelConnectMs);
    else if (server.hung && act.connects) sight.whenHeard(act.node, () => this.#promote(act, done));
    else if (server.hung) {
      sight.whenHeard(act.node, () => server.send({ type: 'promote' }));
      this.#clock.setTimeout(done, act.waits ? promotionWaitMs : 0);
    } else {
      server.send({ type: 'promote' });
      if (act.waits && server.state === 'promoting') this.#awaitPromotion(act.node, done);
      else done();
    }
  }

  #awaitPromotion(node: number, done: () => void): void {
    let waits = true;
    const end = (): void => {
      if (waits) done();
      waits = false;
    };
    this.#clock.setTimeout(end, promotionWaitMs);
    this.#options.front.sight.server(node).whenIn((state) => state !== 'promoting', end);
  }
}

/** The backends as placeholders name them; a folder that no pgpool.conf names is the server's own. */
export function commandNodesOf({ backends, pgpoolSettings }: Cluster): CommandNode[] {
  return backends.map(({ id, server, address, port }) => ({
    host: address,
    port,
    dataDirectory: pgpoolSettings[`backend_data_directory${id}`] ?? `/${server}/data`,
  }));
}

/** Where the commands of the Pgpool on `host` act. */
export function commandPlaceOf({ backends }: Cluster, host: string): CommandPlace {
  const local = backends.find(({ server }) => server === host)?.id ?? null;
  return { hosts: backends.map(({ address }) => address), local };
}
