import { isValid, type NodeRequest, type NodeStatus, type PgpoolState } from './pgpool-failover.ts';
import type { GatedRequest, PgpoolHost } from './pgpool-host.ts';
import type { CompleteSettings } from './pgpool-settings.ts';

/** Pgpool's limit on node ids, in its messages. */
const maxBackends = 128;

const statusCodes: Readonly<Record<NodeStatus, number>> = {
  unused: 0,
  waiting: 1,
  up: 2,
  down: 3,
  quarantine: 3,
};

/** A request whose watchdog has no settled leader is put again after a second, this many times in all (MAX_SEC_WAIT_FOR_CLUSTER_TRANSACTION). */
const gateTries = 10;

/** Whether an id is one that Pgpool could have; the message when it is not. */
export function rangeFault(node: number, request: 'degenerate backend' | 'failback'): string | null {
  if (node >= 0 && node < maxBackends) return null;
  return `invalid ${request} request, node id: ${node} is out of range. node id must be between [0 and ${maxBackends}]`;
}

/** The way of a request to the main process: is it allowed, does the watchdog let it pass. */
export class NodeRequests {
  readonly #host: PgpoolHost;
  readonly #settings: CompleteSettings;
  readonly #state: () => PgpoolState;
  readonly #carryOut: (request: NodeRequest) => void;

  constructor(
    host: PgpoolHost,
    settings: CompleteSettings,
    main: { state: () => PgpoolState; carryOut: (request: NodeRequest) => void },
  ) {
    this.#host = host;
    this.#settings = settings;
    this.#state = main.state;
    this.#carryOut = main.carryOut;
  }

  /** Why a node cannot go down; null when it can. */
  downFault(node: number): string | null {
    const range = rangeFault(node, 'degenerate backend');
    if (range) return range;
    const status = this.#state().status[node];
    if (!isValid(status) && status !== 'quarantine') {
      const code = status === undefined ? 0 : statusCodes[status];
      return `invalid degenerate backend request, node id : ${node} status: [${code}] is not valid for failover`;
    }
    if (this.#settings.nodes[node]?.flag === 'DISALLOW_TO_FAILOVER') {
      return `degenerate backend request for node_id: ${node} is canceled because failover is disallowed on the node`;
    }
    return null;
  }

  /** A check or a session has found a node lost. */
  degenerate(node: number, wholeRestart: boolean): void {
    if (this.downFault(node) !== null) return;
    this.ask({ kind: 'detach', node, confirmed: false }, { kind: 'detach', node, wholeRestart });
  }

  /** A node in quarantine is released, which is this Pgpool's own matter. */
  attach(node: number, confirmed: boolean): void {
    if (this.#state().status[node] === 'quarantine') this.#carryOut({ kind: 'release', node });
    else this.ask({ kind: 'attach', node, confirmed }, { kind: 'attach', node });
  }

  /** Puts a request to the watchdog, if there is one, and to the main process when that lets it pass. */
  ask(gated: GatedRequest, request: NodeRequest, tries = gateTries): void {
    if (!this.#host.gate) {
      this.#carryOut(request);
      return;
    }
    this.#host.gate(gated, (verdict) => {
      if (verdict === 'proceed') this.#carryOut(request);
      else if (verdict === 'quarantine') this.#carryOut({ kind: 'quarantine', node: gated.node });
      else if (verdict === 'unsettled' && tries > 1) {
        this.#host.clock.setTimeout(() => this.ask(gated, request, tries - 1), 1000);
      }
    });
  }
}
