import type { Network } from './network.ts';

/** How long one run of ping.server.command takes. */
export interface PingTimes {
  reachableMs: number;
  /** Nobody holds the address: its own subnet says so. */
  absentMs: number;
  /** Packets vanish on their way. */
  droppedMs: number;
}

const standardCommand = '/bin/ping -q -c3 -w5';

/**
 * What a ping command takes by its `-c` and `-w`: a request a second, so that three end after 2 s; one more second where
 * the subnet reports that nobody has the address; the whole deadline where nothing comes back (docs/method.md S13).
 */
export function pingTimesOf(command: string = standardCommand): PingTimes {
  const option = (letter: string): number | undefined => {
    const found = new RegExp(`\\s-[a-zA-Z]*${letter}\\s*(\\d+)`).exec(` ${command} `);
    return found ? Number(found[1]) : undefined;
  };
  const count = option('c') ?? 3;
  const deadline = option('w') ?? Number.POSITIVE_INFINITY;
  const within = (seconds: number): number => 1000 * Math.min(seconds, deadline);
  const wait = option('W') ?? 10;
  return {
    reachableMs: within(count - 1),
    absentMs: within(count),
    droppedMs: within(count - 1 + wait),
  };
}

/** The virtual IP of the primary: who holds it, and who gets an answer from it. */
export class VirtualIp {
  readonly #network: Network;
  readonly #holders = new Set<string>();

  constructor(network: Network) {
    this.#network = network;
  }

  assign(server: string): void {
    this.#holders.add(server);
  }

  release(server: string): void {
    this.#holders.delete(server);
  }

  heldBy(server: string): boolean {
    return this.#holders.has(server);
  }

  /** One ping from a server: `absent` where no living host has the address, `dropped` where its holder is beyond a partition. */
  pingFrom(server: string): 'reachable' | 'absent' | 'dropped' {
    const holders = [...this.#holders].filter((holder) => !this.#network.isLost(holder));
    if (holders.some((holder) => this.#network.reaches(server, holder))) return 'reachable';
    return holders.length > 0 ? 'dropped' : 'absent';
  }
}
