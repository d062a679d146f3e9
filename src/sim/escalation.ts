import type { Clock, TimerId } from '../kernel/clock.ts';
import type { Draw, Draws } from './draws.ts';
import type { DelegateAddress } from './service-address.ts';
import { pingTimesOf } from './virtual-ip.ts';

/** What a short program such as `ip addr add` takes, ms (docs/method.md S8). */
const programMs = 15;

/** What a watchdog runs when it becomes the leader with quorum, and when it no longer is. */
export interface EscalationSettings {
  hasCommand: boolean;
  hasDownCommand: boolean;
  /** Null: the watchdog has no address to move. */
  address: DelegateAddress | null;
  arpingCommand: string;
}

/** Its steps, for who keeps the record. */
export type EscalationMoment = 'escalates' | 'commandEnded' | 'addressUp' | 'addressDown';

/**
 * Escalation of one Pgpool: wd_escalation_command, if_up_cmd, arping_cmd, then pings of the address; and back:
 * wd_de_escalation_command, if_down_cmd. The address serves from the first packet of arping on. No command has a time limit.
 *
 * Source: Pgpool-II 4.3.5, src/watchdog/wd_escalation.c, wd_if.c and wd_ping.c.
 */
export class Escalation {
  readonly #clock: Clock;
  readonly #settings: EscalationSettings;
  readonly #server: string;
  readonly #command: Draw;
  readonly #note: (moment: EscalationMoment) => void;
  #timer: TimerId = null;

  constructor(
    clock: Clock,
    draws: Draws,
    options: { server: string; settings: EscalationSettings; note: (moment: EscalationMoment) => void },
  ) {
    this.#clock = clock;
    this.#settings = options.settings;
    this.#server = options.server;
    this.#note = options.note;
    this.#command = draws.optional('escalationCommand', 'watchdog') ?? draws.of('script', 'watchdog');
  }

  up(done: () => void): void {
    const { hasCommand, address, arpingCommand } = this.#settings;
    this.#note('escalates');
    this.#after(hasCommand ? this.#command() : 0, () => {
      if (hasCommand) this.#note('commandEnded');
      if (!address) {
        done();
        return;
      }
      this.#after(2 * programMs, () => {
        address.take(this.#server);
        this.#note('addressUp');
        this.#after(arpingMs(arpingCommand) + pingTimesOf('ping -q -c3').reachableMs, done);
      });
    });
  }

  down(done: () => void): void {
    const { hasDownCommand, address } = this.#settings;
    this.#after(hasDownCommand ? this.#command() : 0, () => {
      this.#after(address ? programMs : 0, () => {
        address?.drop(this.#server);
        if (address) this.#note('addressDown');
        done();
      });
    });
  }

  /** The processes are gone; an address that is up stays up. */
  kill(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #after(delayMs: number, act: () => void): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(act, delayMs);
  }
}

/** How long arping announces: until its deadline (`-w`), else an announcement a second. */
function arpingMs(command: string): number {
  const option = (letter: string): number | null => {
    const found = new RegExp(`\\s-[a-zA-Z]*${letter}\\s*(\\d+)`).exec(` ${command} `);
    return found ? Number(found[1]) : null;
  };
  return 1000 * (option('w') ?? Math.max(0, (option('c') ?? 1) - 1));
}
