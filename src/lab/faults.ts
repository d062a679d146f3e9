import { DrillError } from '../kernel/errors.ts';
import type { AgentPlace, PgpoolPlace } from '../topology/cluster.ts';
import { startAgent } from './efm-agents.ts';
import {
  agentProcesses,
  continueServerProcesses,
  endAgent,
  hostProcesses,
  pgpoolProcesses,
  stopServerProcesses,
} from './host-processes.ts';
import type { LabSettings } from './lab-settings.ts';
import { serverLayout } from './layout.ts';
import { restartPgpool } from './pgpool.ts';
import { type Killed, killProcesses, killServerProcesses } from './processes.ts';

/**
 * What drills do to the servers of a lab (docs/method.md, "What a drill does"). Each returns when it is done, with what
 * it met.
 *
 * @throws DrillError when the server has no such part, or it does not end or start
 */
export class LabFaults {
  readonly #lab: LabSettings;
  #cleaned: Promise<unknown> = Promise.resolve();

  constructor(lab: LabSettings) {
    this.#lab = lab;
  }

  /** What was killed by now has left no shared memory. */
  get cleaned(): Promise<unknown> {
    return this.#cleaned;
  }

  /** SIGKILL to every process of the server's PostgreSQL; how many there were. */
  killServer(server: string): Promise<number> {
    const data = this.#dataOf(server);
    return this.#killed(killServerProcesses(data));
  }

  /** SIGSTOP to every process of the server's PostgreSQL. */
  async hangServer(server: string): Promise<string> {
    return counted(await stopServerProcesses(this.#dataOf(server)));
  }

  /** SIGCONT. */
  wakeServer(server: string): string {
    return counted(continueServerProcesses(this.#dataOf(server)));
  }

  /** SIGKILL to the EFM agent; what it has under way (a script) goes on. */
  async killAgent(server: string): Promise<string> {
    this.#agent(server);
    return counted(await this.#killed(killProcesses(() => agentProcesses(this.#dir, server))));
  }

  /** Ends the EFM agent in order. */
  async stopAgent(server: string): Promise<null> {
    this.#agent(server);
    await endAgent(this.#dir, server);
    return null;
  }

  /** Starts the EFM agent where none runs. */
  async startAgent(server: string): Promise<string | null> {
    const agent = this.#agent(server);
    if (this.hasAgent(server)) return 'it runs';
    await startAgent(this.#lab, agent);
    return null;
  }

  hasAgent(server: string): boolean {
    return agentProcesses(this.#dir, server).length > 0;
  }

  /** SIGKILL to every process of the server's Pgpool. */
  async killPgpool(server: string): Promise<string> {
    this.#pgpool(server);
    return counted(await this.#killed(killProcesses(() => pgpoolProcesses(this.#dir, server))));
  }

  async startPgpool(server: string): Promise<string | null> {
    const place = this.#pgpool(server);
    if (pgpoolProcesses(this.#dir, server).length > 0) return 'it runs';
    await restartPgpool(this.#lab, place);
    return null;
  }

  /**
   * SIGKILL to everything that runs on the server, at once. The machine goes on: whoever connects to the server's
   * address is refused by its kernel, where a lost host would leave him without an answer.
   */
  async loseNode(server: string): Promise<string> {
    if (!this.#lab.cluster.servers.some(({ name }) => name === server))
      throw new DrillError(`no server ${server} in the cluster model`);
    return counted(await this.#killed(killProcesses(() => hostProcesses(this.#dir, server))));
  }

  async #killed(killing: Promise<Killed>): Promise<number> {
    const { count, cleaned } = await killing;
    this.#cleaned = Promise.all([this.#cleaned, cleaned]);
    return count;
  }

  get #dir(): string {
    return this.#lab.context.labDir;
  }

  #dataOf(server: string): string {
    return serverLayout(this.#dir, placeOf(this.#lab.cluster.backends, server, 'PostgreSQL').server).data;
  }

  #agent(server: string): AgentPlace {
    return placeOf(this.#lab.cluster.agents, server, 'EFM agent');
  }

  #pgpool(server: string): PgpoolPlace {
    return placeOf(this.#lab.cluster.pgpools, server, 'Pgpool');
  }
}

function placeOf<Place extends { server: string }>(
  places: readonly Place[],
  server: string,
  what: string,
): Place {
  const place = places.find((entry) => entry.server === server);
  if (!place) throw new DrillError(`${server} has no ${what} in the cluster model`);
  return place;
}

function counted(processes: number): string {
  return `${processes} ${processes === 1 ? 'process' : 'processes'}`;
}
