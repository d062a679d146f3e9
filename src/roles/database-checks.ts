import type { TimerId } from '../kernel/clock.ts';
import type { AgentParts } from './agent-parts.ts';
import { DatabaseWatch } from './database-watch.ts';
import { hasSince } from './efm-abilities.ts';
import type { AgentMachineEvent } from './efm-agent-verbs.ts';
import type { CommandOutcome, SynchronousState } from './host.ts';

/**
 * What an agent looks at in periods of its own while nothing is wrong: its database, its custom monitor, who holds the
 * virtual IP, how many synchronous standbys there are (method.md EFM B, 1.4, 2.11). All of it timers; the statechart hears of failures.
 */
export class DatabaseChecks {
  readonly #agent: AgentParts;
  readonly #tell: (event: AgentMachineEvent) => void;
  readonly #watch: DatabaseWatch;
  #generation = 0;
  #monitorTimer: TimerId = null;
  #vipTimer: TimerId = null;
  #syncTimer: TimerId = null;
  /** As the last good check found it. */
  #synchronous: SynchronousState | null = null;
  #toldOfSync = false;

  constructor(agent: AgentParts, tell: (event: AgentMachineEvent) => void) {
    this.#agent = agent;
    this.#tell = tell;
    const { host, settings, node } = agent;
    this.#watch = new DatabaseWatch({
      clock: host.clock,
      periodMs: settings.localPeriodMs,
      timeoutMs: settings.localTimeoutMs,
      query: (done) => {
        host.perform({ type: 'queryDatabase', node, timeoutMs: settings.localTimeoutMs }, (outcome) => {
          if (outcome.ok) this.#synchronous = outcome.synchronous ?? null;
          done(outcome);
        });
      },
      tell: (what) => tell({ type: `database.${what}` }),
    });
  }

  start(): void {
    const { settings } = this.#agent;
    if (settings.virtualIp !== null && !settings.witness) this.#lookForVip();
  }

  stop(): void {
    this.watch(null);
    this.#agent.host.clock.clearTimeout(this.#vipTimer);
  }

  /** Begins to watch the database, or stops (null). */
  watch(expectRecovery: boolean | null): void {
    const { clock } = this.#agent.host;
    const { customMonitor } = this.#agent.settings;
    this.#generation += 1;
    clock.clearTimeout(this.#monitorTimer);
    clock.clearTimeout(this.#syncTimer);
    if (expectRecovery === null) {
      this.#watch.stop();
      return;
    }
    this.#watch.start(expectRecovery);
    if (customMonitor)
      this.#monitorTimer = clock.setTimeout(() => this.#runMonitor(), customMonitor.intervalMs);
    if (!expectRecovery) this.#checkSync();
  }

  /** A member came or went: before 5.0 the synchronous standbys are counted then (method.md EFM check.num.sync.period). */
  membersChanged(): void {
    if (this.#agent.role === 'primary' && !hasSince(this.#agent.settings, '5.0')) this.#checkSync();
  }

  #runMonitor(): void {
    const { host, settings } = this.#agent;
    const { customMonitor } = settings;
    if (!customMonitor) return;
    const generation = this.#generation;
    const { intervalMs, timeoutMs, safeMode } = customMonitor;
    host.perform(
      { type: 'runScript', hook: 'script.custom.monitor', placeholders: {}, timeoutMs },
      ({ ok, timedOut }) => {
        if (generation !== this.#generation) return;
        this.#monitorTimer = host.clock.setTimeout(() => this.#runMonitor(), intervalMs);
        if (timedOut) this.#agent.notify('customMonitorTimeout');
        else if (ok) return;
        else if (safeMode) this.#agent.notify('customMonitorSafeMode');
        else this.#tell({ type: 'customMonitor.failed' });
      },
    );
  }

  /** Who is primary holds the virtual IP and nobody else (method.md EFM 2.11); looked at as often as the database is. */
  #lookForVip(): void {
    const { host, settings } = this.#agent;
    const expected = this.#vipExpected();
    this.#vipTimer = host.clock.setTimeout(() => this.#lookForVip(), settings.localPeriodMs);
    if (expected === null) return;
    host.perform({ type: 'lookForVip' }, ({ ok }) => {
      const agent = this.#agent;
      if (!agent.alive || this.#vipExpected() !== expected) return;
      agent.vipActive = ok;
      if (ok === expected) return;
      agent.notify(expected ? 'vipNotOnPrimary' : 'vipOnOther');
      agent.notify(expected ? 'assigningVip' : 'releasingVip');
      const name = expected ? 'assignVip' : 'releaseVip';
      const done = ({ ok: moved }: CommandOutcome): void => {
        if (moved) agent.vipActive = expected;
      };
      agent.perform(name, { type: name }, { target: agent.node, done });
    });
  }

  /** Null while the agent is at work with it, or has no say: an idle agent's database may be served by its VIP still. */
  #vipExpected(): boolean | null {
    const { role, membership } = this.#agent;
    if (role === 'primary') return this.#watch.watching ? true : null;
    const elsewhere = role === 'idle' && membership.with('primary').length > 0;
    return role === 'standby' || elsewhere ? false : null;
  }

  #checkSync(): void {
    const { host, settings, node, role } = this.#agent;
    const { clock } = host;
    clock.clearTimeout(this.#syncTimer);
    if (hasSince(settings, '5.0'))
      this.#syncTimer = clock.setTimeout(() => this.#checkSync(), settings.checkNumSyncPeriodMs);
    const cares = settings.reconfigureNumSync || settings.reconfigureSyncPrimary;
    if (role !== 'primary' || (!cares && this.#synchronous === null)) return;
    const generation = this.#generation;
    host.perform(
      { type: 'queryDatabase', node, timeoutMs: settings.remoteTimeoutMs },
      ({ ok, synchronous }) => {
        if (ok && synchronous && generation === this.#generation) this.#weighSync(synchronous);
      },
    );
  }

  /**
   * num_sync follows the standbys that are there: down to one, up to reconfigure.num.sync.max; with none left the list is
   * cleared when reconfigure.sync.primary allows it.
   */
  #weighSync({ numSync, connected }: SynchronousState): void {
    const { reconfigureNumSync, reconfigureNumSyncMax, reconfigureSyncPrimary } = this.#agent.settings;
    if (connected === 0) {
      if (reconfigureSyncPrimary) this.#setSync(null);
      else if (!this.#toldOfSync) this.#agent.notify('notEnoughSyncStandbys');
      this.#toldOfSync = true;
      return;
    }
    if (connected < numSync && !reconfigureNumSync && !this.#toldOfSync)
      this.#agent.notify('notEnoughSyncStandbys');
    this.#toldOfSync = connected < numSync;
    if (!reconfigureNumSync) return;
    const ceiling = Math.max(numSync, reconfigureNumSyncMax ?? numSync);
    const wanted = Math.min(connected, connected < numSync ? numSync : ceiling);
    if (wanted !== numSync) this.#setSync(wanted);
  }

  #setSync(numSync: number | null): void {
    const agent = this.#agent;
    const done = ({ ok }: CommandOutcome): void => {
      if (ok) agent.notify(numSync === null ? 'syncDisabled' : 'syncReconfigured');
    };
    agent.perform('setSynchronous', { type: 'setSynchronous', numSync }, { target: agent.node, done });
  }
}
