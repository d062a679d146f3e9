import type { Clock } from '../kernel/clock.ts';
import type { RecordedEventWithoutTime } from '../roles/host.ts';
import type { WatchdogMessage } from '../roles/watchdog-host.ts';
import type { WatchdogNetwork, WatchdogPgpool } from '../roles/watchdog-pgpool.ts';
import type { Draws } from './draws.ts';
import type { Escalation } from './escalation.ts';
import type { Network } from './network.ts';

/** A query of the life check that is answered has taken this long, ms: a connection and a statement. */
const queryMs = 10;

/** One Pgpool's place among the watchdogs. */
export interface WatchdogMember {
  id: number;
  server: string;
  /** Escalation of a Pgpool that is about to start. */
  escalation(): Escalation;
}

interface Place extends WatchdogMember {
  running: WatchdogPgpool | null;
  escalates: Escalation | null;
  clock: Clock;
  /** Its watchdog takes it for dead: it ends when the address is down. */
  isLost: boolean;
  comesDown: boolean;
  /** Ended, and these others have not heard of it. */
  unheardBy: Set<number>;
}

export interface WatchdogNetOptions {
  clock: Clock;
  draws: Draws;
  network: Network;
  members: readonly WatchdogMember[];
  /** connect_timeout of the life check's queries, ms: half of wd_interval and a second (wd_lifecheck.c). */
  queryLimitMs: number;
  record(event: RecordedEventWithoutTime): void;
  /** Servers by backend id. */
  backends: readonly string[];
  /** Whether a session that comes to the Pgpool of this id now is served at once. */
  serves(id: number): boolean;
  /** The watchdog of a Pgpool takes all its processes along. */
  ends(id: number): void;
  /** A watchdog is in another state. */
  changed(): void;
  /** A watchdog has sent heartbeats to the others. */
  beat(server: string): void;
}

/**
 * Carries what the watchdogs of several Pgpools say to each other: in order for each pair, after a network delay, lost without
 * notice where nothing passes. A Pgpool that ends closes its connections, which the others hear at once unless its host is silent;
 * connections to a host that is silent stand.
 */
export class WatchdogNet {
  readonly #options: WatchdogNetOptions;
  readonly #places: readonly Place[];
  readonly #delayMs: number;

  constructor(options: WatchdogNetOptions) {
    this.#options = options;
    this.#places = options.members.map((member) => ({
      ...member,
      running: null,
      escalates: null,
      isLost: false,
      comesDown: false,
      clock: options.clock,
      unheardBy: new Set<number>(),
    }));
    this.#delayMs = options.draws.meanOf('network') ?? 0;
    options.network.onChange(() => this.#tellUnheard());
  }

  /** The port of one Pgpool's watchdog, whose events run on `clock`. */
  networkOf(id: number, clock: Clock): WatchdogNetwork {
    const place = this.#place(id);
    const escalation = place.escalation();
    place.escalates = escalation;
    place.clock = clock;
    place.isLost = false;
    place.comesDown = false;
    const { record, backends, beat, changed } = this.#options;
    let beatMs = Number.NEGATIVE_INFINITY;
    return {
      clock,
      send: (to, message) => this.#send(id, to, message),
      sendBeat: (to) => {
        this.#deliver(id, to, ({ watchdog }) => watchdog.beatFrom(id));
        if (beatMs < clock.nowMs()) beat(place.server);
        beatMs = clock.nowMs();
      },
      connects: (to) => this.#connects(id, to),
      queryPgpool: (node, done) => this.#query(id, node, done),
      escalate: (done) => escalation.up(done),
      deEscalate: (done) => {
        place.comesDown = true;
        escalation.down(() => {
          place.comesDown = false;
          done();
          if (place.isLost) this.#options.ends(id);
        });
      },
      stateChanged: (state) => {
        const leads = state === 'LEADER' && place.running?.watchdog.leader() === id;
        record({ type: 'watchdog', pgpool: place.server, moment: leads ? 'leads' : 'state', state });
        changed();
        if (state === 'LOST') this.#lose(place);
      },
      counted: ({ request, voter, verdict }) => {
        const server = backends[request.node] ?? String(request.node);
        const { kind } = request;
        const voted = this.#place(voter).server;
        record({ type: 'watchdogVote', pgpool: place.server, voter: voted, server, kind, verdict });
      },
    };
  }

  /** The Pgpool ends, once its address is down. */
  #lose(place: Place): void {
    const { clock, ends } = this.#options;
    place.isLost = true;
    if (!place.comesDown) clock.setTimeout(() => ends(place.id), 0);
  }

  /** A Pgpool is there, and its watchdog may start. */
  joined(id: number, joined: WatchdogPgpool): void {
    const place = this.#place(id);
    place.running = joined;
    place.unheardBy.clear();
  }

  /** All processes of a Pgpool are gone. */
  ended(id: number): void {
    const place = this.#place(id);
    place.escalates?.kill();
    place.running = null;
    for (const other of this.#places) if (other.id !== id) place.unheardBy.add(other.id);
    this.#tellUnheard();
  }

  /** Every Pgpool that runs has a leader, or is it. */
  get settled(): boolean {
    return this.#places.every(({ running }) => !running || running.watchdog.leader() !== null);
  }

  #tellUnheard(): void {
    const { network } = this.#options;
    for (const ended of this.#places) {
      for (const id of [...ended.unheardBy]) {
        const other = this.#place(id);
        if (network.isSilent(other.server, ended.server)) continue;
        ended.unheardBy.delete(id);
        other.clock.setTimeout(() => {
          if (!ended.running) other.running?.watchdog.connectionLost(ended.id);
        }, this.#delayMs);
      }
    }
  }

  #send(from: number, to: number, message: WatchdogMessage): void {
    this.#deliver(from, to, ({ watchdog }) => watchdog.receive(from, message));
  }

  #deliver(from: number, to: number, act: (joined: WatchdogPgpool) => void): void {
    const target = this.#place(to);
    const { running } = target;
    if (!running || !this.#options.network.reaches(this.#place(from).server, target.server)) return;
    target.clock.setTimeout(() => {
      if (target.running === running) act(running);
    }, this.#delayMs);
  }

  /** A connection that stood is not known to be gone before a packet says so. */
  #connects(from: number, to: number): boolean {
    const target = this.#place(to);
    return target.running !== null || target.unheardBy.has(from);
  }

  #query(from: number, to: number, done: (answered: boolean) => void): void {
    const { network, queryLimitMs, serves } = this.#options;
    const asker = this.#place(from);
    const asked = this.#place(to);
    const silent = network.isSilent(asker.server, asked.server);
    const answers = (): boolean =>
      asked.running?.accepts() === true && network.reaches(asker.server, asked.server) && serves(to);
    asker.clock.setTimeout(() => done(answers()), silent ? queryLimitMs : queryMs);
  }

  #place(id: number): Place {
    return this.#places[id] as Place;
  }
}
