import { WatchdogBench } from '../roles/watchdog-bench.ts';
import { type Observed, pgpoolIds, priorities, times } from './watchdog-differential-cluster.ts';
import type { Step } from './watchdog-differential-steps.ts';

/** More than an election, a life check and three missed beacons take together. */
const settleMs = 120_000;

const quorumNames = {
  exists: 'QUORUM EXIST',
  edge: 'QUORUM IS ON THE EDGE',
  absent: 'QUORUM ABSENT',
} as const;

/** The watchdog's statecharts of three Pgpools, in virtual time. */
export class WatchdogModel {
  readonly #bench = new WatchdogBench({
    priorities,
    settings: {
      delegateIp: '',
      intervalMs: times.interval * 1000,
      heartbeatKeepaliveMs: times.keepalive * 1000,
      heartbeatDeadtimeMs: times.deadtime * 1000,
    },
  });

  constructor() {
    this.#bench.startAll();
    this.#bench.pass(settleMs);
  }

  apply({ action, node }: Step): void {
    const bench = this.#bench;
    const others = pgpoolIds.filter((id) => id !== node);
    if (action === 'kill') bench.kill(node);
    if (action === 'stop') bench.stop(node);
    if (action === 'start') bench.start(node);
    if (action === 'freeze') bench.hang(node);
    if (action === 'resume') bench.resume(node);
    if (action === 'cut') bench.partition([node], others);
    if (action === 'join') bench.join(node);
    bench.pass(settleMs);
  }

  /** What a node that runs and is not frozen says. */
  observe(node: number): Observed {
    const watchdog = this.#bench.watchdog(node);
    const state = watchdog.state();
    return {
      state,
      leader: watchdog.leader(),
      quorum: state === 'LEADER' ? quorumNames[watchdog.quorum()] : null,
      escalated: watchdog.holdsVip(),
      sees: [...watchdog.peers()].sort(),
    };
  }
}
