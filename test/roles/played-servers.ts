import type { AgentCommand, CommandOutcome, SynchronousState } from '../../src/roles/host.ts';
import type { PlayedNetwork } from './played-network.ts';

/** How long each thing takes in these tests; round numbers, so that instants can be added up by hand. */
export const takesMs = {
  query: 2,
  stop: 100,
  start: 200,
  promote: 300,
  script: 50,
  message: 1,
  file: 1,
  pingAnswered: 2000,
  pingUnanswered: 3000,
} as const;

export type ServerState = 'primary' | 'standby' | 'down' | 'hung';

/** When a command is over, in ms from now, and how it ends then; null: never. */
export interface Performance {
  afterMs: number | null;
  outcome: () => CommandOutcome;
}

const ok = (): CommandOutcome => ({ ok: true, detail: null });
const failed = (detail: string): CommandOutcome => ({ ok: false, detail });

/** Servers that are nothing but a state, with the files and the virtual IP that matter to agents. */
export class PlayedServers {
  readonly states = new Map<string, ServerState>();
  /** Data folders with a standby.signal, and with a guard file. */
  readonly signals = new Set<string>();
  readonly guards = new Set<string>();
  readonly vipHolders = new Set<string>();
  /** An address that answers pings although no agent holds it. */
  strayVip = false;
  readonly failingScripts = new Set<string>();
  /** Nodes whose lock file somebody has removed. */
  readonly unlocked = new Set<string>();
  /** Databases that turn everybody away, and why. */
  readonly refusals = new Map<string, 'credentials' | 'connections'>();
  /** `hook words` of the scripts that were given words, in order. */
  readonly words: string[] = [];
  /** What a node's server was told to recover with. */
  readonly recoversWith = new Map<string, string>();
  /** Scripts that never end. */
  readonly endlessScripts = new Set<string>();
  /** Received and replayed bytes of a standby where they are not the usual 1000. */
  readonly positions = new Map<string, readonly [received: number, replayed: number]>();
  readonly synchronous = new Map<string, SynchronousState | null>();
  readonly #network: PlayedNetwork;
  readonly #hungAs = new Map<string, ServerState>();

  constructor(network: PlayedNetwork) {
    this.#network = network;
  }

  hang(node: string): void {
    const state = this.states.get(node);
    if (state !== 'primary' && state !== 'standby') return;
    this.#hungAs.set(node, state);
    this.states.set(node, 'hung');
  }

  wake(node: string): void {
    if (this.states.get(node) === 'hung') this.states.set(node, this.#hungAs.get(node) ?? 'down');
  }

  /** What it is when it answers: a hung primary still is one. */
  nature(node: string): ServerState {
    const state = this.states.get(node) ?? 'down';
    return state === 'hung' ? (this.#hungAs.get(node) ?? 'down') : state;
  }

  perform(node: string, command: AgentCommand): Performance {
    const file = (act: () => unknown): Performance => ({
      afterMs: takesMs.file,
      outcome: () => {
        act();
        return ok();
      },
    });
    switch (command.type) {
      case 'queryDatabase':
        return this.#query(node, command);
      case 'stopServer':
        return { afterMs: takesMs.stop, outcome: () => this.#become(node, 'down') };
      case 'startServer':
        return { afterMs: takesMs.start, outcome: () => this.#start(node) };
      case 'promoteServer':
        return { afterMs: takesMs.promote, outcome: () => this.#promote(node) };
      case 'followPrimary':
        return file(() => {
          this.signals.add(node);
          this.guards.delete(node);
          if (command.settings !== undefined) this.recoversWith.set(node, command.settings);
        });
      case 'readRecoverySettings':
        return { afterMs: takesMs.file, outcome: () => ({ ok: true, detail: `settings of ${node}` }) };
      case 'lookForFiles':
        return { afterMs: takesMs.file, outcome: () => this.#files(node) };
      case 'writeGuard':
        return file(() => (command.unlessStandby && this.signals.has(node)) || this.guards.add(node));
      case 'removeGuard':
        return file(() => this.guards.delete(node));
      case 'assignVip':
        return file(() => this.vipHolders.add(node));
      case 'releaseVip':
        return file(() => this.vipHolders.delete(node));
      case 'lookForVip':
        return {
          afterMs: takesMs.file,
          outcome: () => ({ ok: this.vipHolders.has(node), detail: null }),
        };
      case 'ping':
        return this.#ping(node, command.target);
      case 'runScript':
        return this.#run(command);
      case 'setSynchronous':
        return file(() => this.#setSynchronous(node, command.numSync));
      default:
        return file(() => undefined);
    }
  }

  #files(node: string): CommandOutcome {
    const recoveryFile = this.guards.has(node) ? 'recovery.conf' : null;
    return { ok: true, detail: null, files: { locked: !this.unlocked.has(node), recoveryFile } };
  }

  #become(node: string, state: ServerState): CommandOutcome {
    this.states.set(node, state);
    return ok();
  }

  #start(node: string): CommandOutcome {
    if (this.guards.has(node)) return failed('recovery.conf is in the way');
    if (this.states.get(node) !== 'down') return ok();
    return this.#become(node, this.signals.has(node) ? 'standby' : 'primary');
  }

  #promote(node: string): CommandOutcome {
    if (this.states.get(node) !== 'standby') return failed('no standby');
    this.signals.delete(node);
    return this.#become(node, 'primary');
  }

  #run({ hook, words, timeoutMs }: Extract<AgentCommand, { type: 'runScript' }>): Performance {
    if (words) this.words.push([hook, ...words].join(' '));
    if (!this.endlessScripts.has(hook))
      return {
        afterMs: takesMs.script,
        outcome: () => ({ ok: !this.failingScripts.has(hook), detail: null }),
      };
    return {
      afterMs: timeoutMs ?? null,
      outcome: () => ({ ok: false, detail: 'killed', timedOut: true }),
    };
  }

  #ping(node: string, target: 'vip' | 'wellKnown'): Performance {
    const answers =
      target === 'wellKnown'
        ? !this.#network.orphans.has(node)
        : this.strayVip || [...this.vipHolders].some((holder) => this.#network.reaches(node, holder));
    return {
      afterMs: answers ? takesMs.pingAnswered : takesMs.pingUnanswered,
      outcome: () => ({ ok: answers, detail: null }),
    };
  }

  #setSynchronous(node: string, numSync: number | null): void {
    const before = this.synchronous.get(node);
    this.synchronous.set(node, numSync === null || !before ? null : { ...before, numSync });
  }

  #query(from: string, { node, timeoutMs }: Extract<AgentCommand, { type: 'queryDatabase' }>): Performance {
    const silent = this.states.get(node) === 'hung' || !this.#network.reaches(from, node);
    return {
      afterMs: silent ? timeoutMs : takesMs.query,
      outcome: () => {
        const state = this.states.get(node);
        if (silent || state === 'hung') return failed('no answer');
        if (state === 'down' || state === undefined) return failed('refused');
        const refusal = this.refusals.get(node);
        if (refusal && from !== node) return { ...failed('turned away'), refusal };
        const [received, replayed] = this.positions.get(node) ?? [1000, 1000];
        const inRecovery = state === 'standby';
        return {
          ok: true,
          detail: null,
          inRecovery,
          positions: { receivedBytes: inRecovery ? received : null, replayedBytes: replayed },
          synchronous: inRecovery ? null : (this.synchronous.get(node) ?? null),
        };
      },
    };
  }
}
