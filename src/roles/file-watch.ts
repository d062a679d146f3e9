import type { TimerId } from '../kernel/clock.ts';
import type { AgentParts } from './agent-parts.ts';

/** How often an agent looks at files; EFM says only that it does (docs/method.md E26). */
const periodMs = 60_000;

/**
 * Two files that an agent keeps an eye on (method.md EFM 2.11): its own lock file, which keeps a second agent from the
 * same cluster, and on a primary a recovery file, beside which a restarted server would not come up as one. Each is told
 * once, until it is as it should be again.
 */
export class FileWatch {
  readonly #agent: AgentParts;
  #timer: TimerId = null;
  #toldOfLock = false;
  #toldOfRecovery = false;

  constructor(agent: AgentParts) {
    this.#agent = agent;
  }

  start(): void {
    this.#timer = this.#agent.host.clock.setTimeout(() => this.#look(), periodMs);
  }

  stop(): void {
    this.#agent.host.clock.clearTimeout(this.#timer);
  }

  #look(): void {
    this.start();
    const agent = this.#agent;
    agent.host.perform({ type: 'lookForFiles' }, ({ files }) => {
      if (!agent.alive || !files) return;
      if (!files.locked && !this.#toldOfLock) agent.notify('lockFileRemoved');
      this.#toldOfLock = !files.locked;
      const unfit = agent.role === 'primary' && files.recoveryFile !== null;
      if (unfit && !this.#toldOfRecovery) agent.notify('recoveryFileFound');
      this.#toldOfRecovery = unfit;
    });
  }
}
