import type { WatchdogConf } from '../topology/pgpool-conf.ts';
import type { GatedRequest, GateVerdict } from './pgpool-host.ts';
import type { WatchdogHost, WatchdogMessage, WatchdogState } from './watchdog-host.ts';
import { Consensus, type QuorumStatus } from './watchdog-quorum.ts';

interface FailoverParts {
  id: number;
  peers: readonly number[];
  voteWindowMs: number;
  leader(): number | null;
  quorum(): QuorumStatus;
  /** Gives the lead up: this node alone takes the primary for dead. */
  resign(): void;
}

/** Requests for failovers on their way: a standby's go to the leader, a leader counts votes and has its own Pgpool carry them out. */
export class WatchdogFailovers {
  readonly #host: WatchdogHost;
  readonly #parts: FailoverParts;
  readonly #consensus: Consensus;
  readonly #asked = new Map<number, { leader: number; done: (verdict: GateVerdict) => void }>();
  #nextId = 1;

  constructor(host: WatchdogHost, settings: WatchdogConf, parts: FailoverParts) {
    this.#host = host;
    this.#parts = parts;
    this.#consensus = new Consensus(settings);
  }

  ask(request: GatedRequest, state: WatchdogState, done: (verdict: GateVerdict) => void): void {
    const leader = this.#parts.leader();
    if (leader === this.#parts.id) done(this.#decide(request, this.#parts.id));
    else if (state === 'STANDBY' && leader !== null) {
      const id = this.#nextId++;
      this.#asked.set(id, { leader, done });
      this.#host.send(leader, { type: 'request', id, request });
    } else done('unsettled');
  }

  receive(from: number, message: Extract<WatchdogMessage, { type: 'request' | 'verdict' }>): void {
    if (message.type === 'verdict') {
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      asked?.done(message.verdict);
      return;
    }
    const { id, request } = message;
    const leads = this.#parts.leader() === this.#parts.id;
    const verdict = leads ? this.#decide(request, from) : 'unsettled';
    this.#host.send(from, { type: 'verdict', id, verdict: verdict === 'proceed' ? 'wait' : verdict });
    if (verdict === 'proceed') this.#host.carryOut(request);
    else if (verdict === 'wait') this.#host.renewQuarantined();
  }

  /** A peer is gone, and with it what it was asked. */
  lost(node: number): void {
    for (const [id, { leader, done }] of this.#asked) {
      if (leader !== node) continue;
      this.#asked.delete(id);
      done('unsettled');
    }
  }

  clear(): void {
    this.#consensus.clear();
  }

  #decide(request: GatedRequest, voter: number): GateVerdict {
    const { kind, node, confirmed } = request;
    const nowMs = this.#host.clock.nowMs();
    const vote = { voter, confirmed, quorum: this.#parts.quorum(), nowMs };
    const verdict = this.#consensus.vote(`${kind} ${node}`, vote);
    this.#host.counted?.({ request, voter, verdict });
    switch (verdict) {
      case 'proceed':
        return 'proceed';
      case 'noQuorum':
      case 'mayFail':
        return kind === 'detach' ? 'quarantine' : 'refuse';
      case 'building': {
        for (const peer of this.#parts.peers) this.#host.send(peer, { type: 'waitingForVotes' });
        this.#host.clock.setTimeout(() => this.#expire(), this.#parts.voteWindowMs);
        return 'wait';
      }
    }
  }

  #expire(): void {
    const { id, voteWindowMs, leader, resign } = this.#parts;
    const expired = this.#consensus.expire(this.#host.clock.nowMs(), voteWindowMs);
    const own = [...expired].some(([key, voters]) => key.startsWith('detach') && voters.includes(id));
    if (own && leader() === id && this.#host.quarantined().primary) resign();
  }
}
