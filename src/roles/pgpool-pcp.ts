import { isValid, type NodeRequest, type PgpoolState } from './pgpool-failover.ts';
import { awaitNoClients } from './pgpool-graceful.ts';
import type { PgpoolHost } from './pgpool-host.ts';
import { type NodeRequests, rangeFault } from './pgpool-requests.ts';
import type { CompleteSettings } from './pgpool-settings.ts';
import { pgpoolFeatures } from './pgpool-versions.ts';

/** Answer to a PCP command; success only means that the request was queued, and not even that for what Pgpool ignores. */
export interface PcpReply {
  ok: boolean;
  message: string;
}

export type GracefulRequest = Pick<NodeRequest, 'node'> & { kind: 'detach' | 'promote' | 'switchover' };

const accepted: PcpReply = { ok: true, message: 'Command Successful' };
const refusal = (message: string): PcpReply => ({ ok: false, message });

interface PcpParts {
  host: PgpoolHost;
  settings: CompleteSettings;
  requests: NodeRequests;
  state(): PgpoolState;
  /** The PCP process is there: it is forked when the search of the start is over. */
  listens(): boolean;
  /** Calls `hear` once, when the main process has done its requests. */
  onceServing(hear: () => void): void;
}

/**
 * The PCP commands that change nodes.
 *
 * Source: Pgpool-II 4.3.5, src/pcp_con/pcp_worker.c.
 */
export class PcpCommands {
  readonly #parts: PcpParts;

  constructor(parts: PcpParts) {
    this.#parts = parts;
  }

  detach(node: number): PcpReply {
    const { requests } = this.#parts;
    const fault = this.#absence() ?? requests.downFault(node);
    if (fault) return refusal(fault);
    requests.ask({ kind: 'detach', node, confirmed: true }, { kind: 'detach', node });
    return accepted;
  }

  /** Of a node that is up: does nothing and reports success. */
  attach(node: number): PcpReply {
    const fault = this.#absence() ?? rangeFault(node, 'failback');
    if (fault) return refusal(fault);
    this.#parts.requests.attach(node, true);
    return accepted;
  }

  /** Of a node that is down: does nothing and reports success. */
  promote(node: number, { switchover = false }: { switchover?: boolean } = {}): PcpReply {
    const { requests } = this.#parts;
    const fault = this.#absence() ?? this.#promoteFault(node, switchover);
    if (fault) return refusal(fault);
    if (switchover) requests.ask({ kind: 'detach', node, confirmed: true }, { kind: 'switchover', node });
    else if (isValid(this.#parts.state().status[node])) {
      requests.ask({ kind: 'promote', node, confirmed: true }, { kind: 'promote', node });
    }
    return accepted;
  }

  /** With `-g`: waits for the clients to leave. On its timeout nothing is done and success is reported. */
  graceful({ kind, node }: GracefulRequest, done: (reply: PcpReply) => void): void {
    const { host, settings, requests, onceServing } = this.#parts;
    const fault =
      this.#absence() ??
      (kind === 'detach' ? requests.downFault(node) : this.#promoteFault(node, kind === 'switchover'));
    if (fault) {
      host.clock.setTimeout(() => done(refusal(fault)), 0);
      return;
    }
    const { recoveryTimeoutMs, clientIdleLimitInRecoveryMs } = settings;
    const gathering = {
      clock: host.clock,
      recoveryTimeoutMs,
      clientIdleLimitInRecoveryMs,
      clients: () => host.clients?.() ?? 0,
      kick: () => host.kickClients?.(),
    };
    awaitNoClients(gathering, (left) => {
      if (!left) {
        done(accepted);
        return;
      }
      onceServing(() => done(accepted));
      const gated = kind === 'promote' ? kind : 'detach';
      requests.ask({ kind: gated, node, confirmed: true }, { kind, node });
    });
  }

  #absence(): string | null {
    return this.#parts.listens() ? null : 'connection refused: the PCP process has not started yet';
  }

  #promoteFault(node: number, switchover: boolean): string | null {
    const { requests, settings, state } = this.#parts;
    if (state().status[node] === undefined)
      return `could not process promote request: node id ${node} is not valid`;
    if (node === state().primary) return 'specified node is already primary node';
    if (!switchover) return null;
    return pgpoolFeatures(settings.version).switchover
      ? requests.downFault(node)
      : `pcp_promote_node of ${settings.version} has no option -s`;
  }
}
