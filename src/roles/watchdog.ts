import type { WatchdogConf } from '../topology/pgpool-conf.ts';
import type { GatedRequest, GateVerdict } from './pgpool-host.ts';
import { Statechart } from './statechart.ts';
import { WatchdogBeacon } from './watchdog-beacon.ts';
import { WatchdogFailovers } from './watchdog-failovers.ts';
import { WatchdogFollowers } from './watchdog-followers.ts';
import type {
  WatchdogHost,
  WatchdogIdentity,
  WatchdogInfo,
  WatchdogMessage,
  WatchdogState,
} from './watchdog-host.ts';
import { watchdogStateOf } from './watchdog-info.ts';
import { WatchdogLifeCheck } from './watchdog-lifecheck.ts';
import { WatchdogLink } from './watchdog-link.ts';
import { watchdogMachine } from './watchdog-machine.ts';
import { WatchdogMembers } from './watchdog-members.ts';
import { answerNode, takeMessage, type WatchdogDesk } from './watchdog-messages.ts';
import type { QuorumStatus } from './watchdog-quorum.ts';
import { WatchdogVip } from './watchdog-vip.ts';

/** One node of Pgpool's watchdog: its statechart, what it knows of the others, beacons, life check and votes. */
export class Watchdog {
  readonly #host: WatchdogHost;
  readonly #settings: WatchdogConf;
  readonly #id: number;
  readonly #actor: Statechart<typeof watchdogMachine>;
  readonly #members: WatchdogMembers;
  readonly #lifeCheck: WatchdogLifeCheck;
  readonly #failovers: WatchdogFailovers;
  readonly #beacon: WatchdogBeacon;
  readonly #vip: WatchdogVip;
  readonly #link: WatchdogLink;
  readonly #followers: WatchdogFollowers;
  readonly #desk: WatchdogDesk;
  #leader: number | null = null;
  #handicapped = false;
  #state: WatchdogState = 'DEAD';

  constructor(host: WatchdogHost, { id, settings, voteWindowMs }: WatchdogIdentity) {
    this.#host = host;
    this.#vip = new WatchdogVip(host);
    this.#link = new WatchdogLink(host, () => this.#info());
    this.#followers = new WatchdogFollowers(host, settings);
    this.#settings = settings;
    this.#id = id;
    const peers = settings.nodes.map((node) => node.id).filter((other) => other !== id);
    this.#members = new WatchdogMembers(peers);
    this.#lifeCheck = new WatchdogLifeCheck(host, settings, {
      own: id,
      peers,
      findings: {
        lost: (node) => {
          if (node === id) {
            this.#actor.send({ type: 'self.lost' });
            return;
          }
          host.send(node, { type: 'lostYou' });
          this.#lose(node, 'lifeCheck');
        },
        found: (node) => this.#found(node),
      },
    });
    this.#failovers = new WatchdogFailovers(host, settings, {
      id,
      peers,
      voteWindowMs,
      leader: () => this.#leader,
      quorum: () => this.quorum(),
      resign: () => {
        this.#handicapped = true;
        this.#actor.send({ type: 'outranked' });
      },
    });
    this.#beacon = new WatchdogBeacon({
      clock: host.clock,
      part: () => {
        if (this.#leader === id) return 'leads';
        return this.#leader !== null && this.#state === 'STANDBY' ? 'follows' : null;
      },
      alive: () => this.#members.alive,
      count: (node) => this.#members.beaconSent(node),
      send: (to) => this.#link.beacon(to),
      leaderHeardAtMs: () => this.#members.heardAtMs(this.#leader ?? -1),
      lostFollower: (node) => this.#lose(node, 'connection'),
      lostLeader: () => this.#lose(this.#leader ?? -1, 'connection'),
      retryLost: () => {
        for (const node of this.#members.lostOnes) if (host.connects(node)) this.#link.reconnect(node);
      },
    });
    this.#actor = new Statechart(watchdogMachine, {
      clock: host.clock,
      input: {
        alive: () => this.#members.alive,
        connectable: () => peers.filter((node) => host.connects(node)),
        leader: () => this.#leader,
        someoneStands: () => this.#members.someoneStands,
        hasQuorum: () => this.quorum() !== 'absent',
        priority: () => this.#priority(),
        startedAtMs: host.clock.nowMs(),
      },
    });
    this.#desk = {
      id,
      host,
      members: this.#members,
      link: this.#link,
      failovers: this.#failovers,
      leader: () => this.#leader,
      follow: (leader) => {
        this.#leader = leader;
      },
      info: () => this.#info(),
      tell: (event) => this.#actor.send(event),
      lose: (node, by) => this.#lose(node, by),
      joined: (node) => this.#joined(node),
      connected: (node) => {
        if (this.#members.lostOnes.includes(node)) this.#found(node);
      },
      left: (node) => this.#left(node),
    };
    this.#listen();
    this.#actor.start();
  }

  start(): void {
    this.#members.forgetAll();
    this.#actor.send({ type: 'start' });
    this.#beacon.start();
  }

  /** An orderly end: the others are told, the virtual IP goes down. */
  stop(): void {
    this.#lifeCheck.stop();
    this.#beacon.stop();
    this.#actor.send({ type: 'stop' });
  }

  /** The processes are gone; the virtual IP stays where it is. */
  kill(): void {
    this.#lifeCheck.stop();
    this.#beacon.stop();
    this.#actor.stop();
  }

  state(): WatchdogState {
    return this.#state;
  }

  /** The leader that this node knows of, itself included. */
  leader(): number | null {
    return this.#leader;
  }

  /** Peers that are there as far as this node knows (`pcp_watchdog_info`: neither lost, shut down nor dead). */
  peers(): readonly number[] {
    return this.#members.alive;
  }

  /** As a leader sees it; `absent` on other nodes. */
  quorum(): QuorumStatus {
    return this.#state === 'LEADER' ? this.#followers.quorum() : 'absent';
  }

  /** The virtual IP is up here, as far as this node has to do with it. */
  holdsVip(): boolean {
    return this.#vip.held;
  }

  /** Whether this node may detach false primaries (from 4.6 on). */
  leadsWithQuorum(): boolean {
    return this.#leader === this.#id && this.quorum() !== 'absent';
  }

  /** Asks for a failover; see `GateVerdict`. */
  gate(request: GatedRequest, done: (verdict: GateVerdict) => void): void {
    this.#failovers.ask(request, this.#state, done);
  }

  /** The local Pgpool has done a request: a leader tells its standbys. */
  backendsChanged(): void {
    if (this.#leader !== this.#id) return;
    this.#followers.tell({ type: 'failoverEnd', backends: this.#host.backends() });
  }

  /** A follow run of the local Pgpool begins or ends. */
  following(held: boolean): void {
    if (this.#leader === this.#id) this.#followers.tell({ type: 'followLock', held });
  }

  beatFrom(node: number): void {
    this.#lifeCheck.beatFrom(node);
  }

  /** The connection to a peer was closed: its processes are gone. */
  connectionLost(node: number): void {
    this.#lose(node, 'connection');
  }

  /** The node has lost its last address, or every link of wd_monitoring_interfaces_list, and with it its Pgpool ends; an address again changes nothing. */
  network(there: boolean): void {
    this.#actor.send({ type: there ? 'network.found' : 'network.lost' });
  }

  receive(from: number, message: WatchdogMessage): void {
    if (this.#state !== 'DEAD' && this.#state !== 'SHUTDOWN') takeMessage(this.#desk, from, message);
  }

  #joined(node: number): void {
    const before = this.quorum();
    this.#followers.add(node);
    this.#actor.send({ type: 'changed' });
    this.#quorumWas(before);
  }

  #left(node: number): void {
    const before = this.quorum();
    this.#followers.lose(node);
    this.#quorumWas(before);
  }

  /** A leader whose quorum has changed and is still one, from whole to half as well, takes its quarantines back (SIG_WATCHDOG_QUORUM_CHANGED). */
  #quorumWas(before: QuorumStatus): void {
    const quorum = this.quorum();
    if (quorum !== before && quorum !== 'absent') this.#host.releaseQuarantined();
  }

  #lose(node: number, by: 'connection' | 'lifeCheck'): void {
    this.#members.lost(node, by);
    this.#left(node);
    if (this.#leader === node) {
      this.#leader = null;
      this.#host.lockFollow(false);
    }
    this.#failovers.lost(node);
    this.#actor.send({ type: 'changed' });
  }

  #found(node: number): void {
    this.#members.found(node);
    this.#link.inquire(node);
    if (this.#leader === this.#id) this.#host.send(node, { type: 'rejoin', info: this.#info() });
  }

  #priority(): number {
    return this.#handicapped ? -1 : this.#settings.priority;
  }

  #info(): WatchdogInfo {
    return {
      state: this.#state,
      priority: this.#priority(),
      startedAtMs: this.#actor.getSnapshot().context.startedAtMs,
      quorum: this.quorum(),
      escalated: this.#vip.escalated,
    };
  }

  #listen(): void {
    const actor = this.#actor;
    actor.subscribe(({ value }) => this.#entered(watchdogStateOf(value)));
    actor.on('ask', ({ question, to }) => this.#link.ask(question, to));
    actor.on('reply', ({ to, ...reply }) => answerNode(this.#desk, to, reply));
    actor.on('forgetLeader', () => {
      this.#leader = null;
    });
    actor.on('follow', ({ leader }) => {
      this.#leader = leader;
    });
    actor.on('lead', () => {
      this.#leader = this.#id;
      this.#lifeCheck.start();
      this.#host.stateChanged('LEADER');
    });
    actor.on('resign', () => {
      if (this.#leader === this.#id) this.#leader = null;
      this.#followers.loseAll();
      this.#failovers.clear();
      for (const node of this.#members.alive) this.#host.send(node, { type: 'resigning' });
    });
    actor.on('escalate', () => this.#vip.escalate());
    actor.on('deEscalate', () => this.#vip.deEscalate());
    actor.on('leave', () => {
      for (const node of this.#members.ids) this.#host.send(node, { type: 'goingDown' });
    });
  }

  #entered(state: WatchdogState): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'LEADER' || state === 'STANDBY') this.#handicapped = false;
    if (state === 'STANDBY') this.#lifeCheck.start();
    this.#host.stateChanged(state);
  }
}
