import { WatchdogBench } from '../roles/watchdog-bench.ts';
import type { Escalations, Observed } from './watchdog-differential-observe.ts';
import {
  backendIds,
  idsOf,
  priorities,
  times,
  type WatchdogProfile,
} from './watchdog-differential-profiles.ts';
import type { Step } from './watchdog-differential-steps.ts';

/** More than an election, a life check, three missed beacons and the votes' window take together. */
const settleMs = 120_000;

const quorumNames = {
  exists: 'QUORUM EXIST',
  edge: 'QUORUM IS ON THE EDGE',
  absent: 'QUORUM ABSENT',
} as const;

/** The statecharts of a profile's Pgpools and their watchdogs, in virtual time. */
export class WatchdogModel {
  readonly #profile: WatchdogProfile;
  readonly #bench: WatchdogBench;

  constructor(profile: WatchdogProfile) {
    this.#profile = profile;
    this.#bench = new WatchdogBench({
      members: profile.members,
      backends: backendIds.length,
      priorities,
      settings: {
        delegateIp: '10.99.0.100',
        intervalMs: times.interval * 1000,
        heartbeatKeepaliveMs: times.keepalive * 1000,
        heartbeatDeadtimeMs: times.deadtime * 1000,
        lifePoint: times.lifePoint,
        ...profile.settings,
      },
      pgpool: { searchPrimaryNodeTimeout: 1 },
      healthCheck: {
        periodMs: profile.checksHealth ? times.health * 1000 : 0,
        timeoutMs: 3000,
        connectTimeoutMs: times.connect * 1000,
      },
    });
    this.#bench.start(0);
    this.#bench.pass(settleMs);
    this.#bench.start(...idsOf(profile).slice(1));
    this.#bench.pass(settleMs);
  }

  apply(step: Step): void {
    const { action, node, backend } = step;
    if (node === null) Object.assign(this.#bench.backends[backend ?? 0] ?? {}, { alive: action === 'lift' });
    else this.#toPgpool(step, node);
    this.#bench.pass(settleMs);
  }

  #toPgpool({ action, backend }: Step, node: number): void {
    const bench = this.#bench;
    const others = idsOf(this.#profile).filter((id) => id !== node);
    const { reach, running } = bench.node(node);
    if (action === 'kill') bench.kill(node);
    if (action === 'stop') bench.stop(node);
    if (action === 'start') bench.start(node);
    if (action === 'freeze') bench.hang(node);
    if (action === 'resume') bench.resume(node);
    if (action === 'cut' || action === 'unlink') {
      bench.partition([node], others);
      for (const id of backendIds) reach.set(id, action === 'cut' ? 'drops' : 'refuses');
    }
    if (action === 'unlink' && this.#profile.monitorsLink) bench.loseNetwork(node);
    if (action === 'join' || action === 'link') {
      bench.join(node);
      for (const id of backendIds) reach.delete(id);
    }
    if (action === 'block') reach.set(backend ?? 0, 'refuses');
    if (action === 'unblock') reach.delete(backend ?? 0);
    if (action === 'detach' || action === 'attach') running?.pgpool[action](backend ?? 0);
  }

  /** Its watchdog has taken the whole Pgpool along. */
  hasEnded(node: number): boolean {
    return this.#bench.node(node).running?.watchdog.state() === 'LOST';
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
      nodes: this.#bench.view(node).replaceAll('waiting', 'up'),
    };
  }

  /** An address that is there already makes if_up_cmd fail, and arping_cmd is left out. */
  escalations(node: number): Escalations {
    let has = false;
    let runs = '';
    for (const { up } of this.#bench.node(node).vip) {
      runs += up ? (has ? 'eu' : 'eua') : 'dd';
      has = up;
    }
    return { vip: has, runs };
  }
}
