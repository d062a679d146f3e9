import type { RealClock } from '../kernel/clock.ts';
import type { Lab } from '../lab/lab.ts';
import { type AgentLogObserver, watchAgentLog } from '../observe/agent-log.ts';
import { watchCpu } from '../observe/cpu-sampler.ts';
import { watchNodes } from '../observe/node-sampler.ts';
import type { Observer } from '../observe/observer.ts';
import { type ServerAccess, watchServer } from '../observe/server-sampler.ts';
import type { RecordedEvent, ServerRoleEvent } from '../recording/events.ts';
import type { Recorder } from '../recording/recording.ts';
import { FailedServer } from '../roles/failed-server.ts';

/** All observers of a live cluster together, and what they last saw. */
export class ClusterWatch {
  readonly #observers: Observer[] = [];
  readonly #agentLogs: AgentLogObserver[] = [];
  #primary: string | null;
  readonly #roles = new Map<string, ServerRoleEvent['role']>();
  readonly #failed = new FailedServer();
  readonly #clock: RealClock;
  #failure: Error | null = null;

  constructor(
    lab: Lab,
    servers: readonly ServerAccess[],
    options: { clock: RealClock; recorder: Pick<Recorder, 'event'>; primary: string },
  ) {
    const { clock, recorder } = options;
    this.#primary = options.primary;
    this.#clock = clock;
    const onFailure = (cause: Error): void => {
      this.#failure ??= cause;
    };
    const emit = (event: RecordedEvent): void => {
      this.#take(event);
      recorder.event(event);
    };
    const { servers: hosts, pgpools, backends } = lab.cluster;
    const nameOf = (address: string): string =>
      hosts.find((host) => host.address === address)?.name ?? address;
    for (const access of servers) this.#observers.push(watchServer(access, { clock, emit, onFailure }));
    for (const { server: pgpool } of pgpools) {
      const serverOf = ({ id, address }: { id: number; address: string }): string =>
        backends.find((backend) => backend.id === id)?.server ?? nameOf(address);
      this.#observers.push(watchNodes(lab.pcp(pgpool), { clock, emit, onFailure, pgpool, serverOf }));
    }
    for (const target of lab.cpuTargets()) this.#observers.push(watchCpu(target, { clock, emit, onFailure }));
    for (const file of lab.agentLogFiles()) {
      this.#agentLogs.push(
        watchAgentLog(file, { clock, emit, onFailure, originEpochMs: clock.originEpochMs, nameOf }),
      );
    }
  }

  /** The server that last became primary and has not been seen otherwise since. */
  get primary(): string | null {
    return this.#primary;
  }

  /** The server that failed last and that its agent does not monitor again yet. */
  get lastFailed(): string | null {
    return this.#failed.name;
  }

  /** The server was last seen as a standby that answers. */
  isStandby(server: string): boolean {
    return this.#roles.get(server) === 'standby';
  }

  /** A drill is about to take a server's PostgreSQL away. */
  failed(server: string): void {
    this.#failed.killed(server, this.#clock.nowMs());
    this.#roles.set(server, 'down');
    if (this.#primary === server) this.#primary = null;
  }

  /**
   * Takes in what the agents have written until now, then stops.
   *
   * @throws the first failure of the recorder or of an observer, which ended that observer
   */
  async finish(): Promise<void> {
    await Promise.all(this.#agentLogs.map((log) => log.flush()));
    this.stop();
    if (this.#failure) throw this.#failure;
  }

  stop(): void {
    for (const observer of [...this.#observers, ...this.#agentLogs]) observer.stop();
  }

  #take(event: RecordedEvent): void {
    if (event.type === 'serverRole') {
      this.#roles.set(event.server, event.role);
      if (event.role === 'primary') this.#primary = event.server;
      else if (this.#primary === event.server) this.#primary = null;
    }
    if (event.type === 'agentState') this.#failed.take(event);
  }
}
