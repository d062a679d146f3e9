import type { AgentCommandName, RecordedEvent } from '../recording/events.ts';
import type { Manifest, ManifestSetting } from '../recording/manifest.ts';
import type { Recording } from '../recording/recording.ts';
import type { PhaseName, TimelinePhase } from '../recording/summary.ts';
import type { ClusterHistory } from './cluster-history.ts';
import type { CommandSpan } from './commands.ts';
import { commandsIn, spanOf } from './commands.ts';
import type { DrillWindow, Stretch } from './frame.ts';
import { within } from './frame.ts';
import { pooledServers } from './offload.ts';
import { takeoverIn, votesIn } from './watchdog-phases.ts';

/**
 * The setting that bounds a phase; a phase without one lasts as long as a script or a server takes.
 *
 * Source: EFM's cluster properties and Pgpool-II's failover section, as docs/method.md quotes them per phase.
 */
const boundingSettings: Partial<Record<PhaseName, { setting: string; file: string }>> = {
  verify: { setting: 'remote.timeout', file: 'efm.properties' },
  vip: { setting: 'ping.server.command', file: 'efm.properties' },
  promote: { setting: 'recovery.check.period', file: 'efm.properties' },
  reconfigure: { setting: 'restart.connection.timeout', file: 'efm.properties' },
  primarySearch: { setting: 'search_primary_node_timeout', file: 'pgpool.conf' },
};

/** What phases are read from: the events of a run, and its servers. */
export interface Observed {
  events: readonly RecordedEvent[];
  manifest: Pick<Manifest, 'servers'>;
}

/** Who plays which part in a drill. */
interface Cast {
  oldPrimary: string | null;
  newPrimary: string | null;
  /** The server whose database or agent was found to fail; in a planned change of primary the old one. */
  failed: string | null;
  /** Standbys that Pgpool should list again at the end of it. */
  expectedStandbys: string[];
}

/** What the search for phases reads. */
interface Scene {
  events: readonly RecordedEvent[];
  history: ClusterHistory;
  window: DrillWindow;
  commands: CommandSpan[];
  cast: Cast;
}

export interface PhaseOptions {
  window: DrillWindow;
  /** Instant of the first ok write at or after another; null when there is none. */
  okWriteAt: (fromMs: number) => number | null;
}

/**
 * The phases of a drill from its first effect to recovery, by start. A phase that was not seen, or not seen to end, is
 * left out.
 *
 * @see docs/method.md, "Phases", for where each begins and ends
 */
export function phasesOf(
  recording: Recording,
  history: ClusterHistory,
  options: PhaseOptions,
): TimelinePhase[] {
  const { scene, found } = find(recording, history, options);
  const { settings } = recording.manifest;
  return Object.entries(found)
    .flatMap(([name, stretch]) => (stretch ? [phaseOf(name as PhaseName, stretch, { settings, scene })] : []))
    .toSorted((first, second) => first.startMs - second.startMs || first.endMs - second.endMs);
}

/** The same phases as stretches by name, for who looks up their bounds elsewhere. */
export function stretchesOf(observed: Observed, history: ClusterHistory, options: PhaseOptions): Found {
  return find(observed, history, options).found;
}

function find(
  observed: Observed,
  history: ClusterHistory,
  { window, okWriteAt }: PhaseOptions,
): { scene: Scene; found: Found } {
  const commands = commandsIn(observed.events, { startMs: window.begunMs, endMs: window.untilMs });
  const cast = castOf(observed, history, { window, commands });
  const scene: Scene = { events: observed.events, history, window, commands, cast };
  const found: Found = { ...detection(scene), ...promotion(scene), ...arrival(scene) };
  const span = { startMs: window.injectedMs, endMs: window.untilMs };
  Object.assign(found, takeoverIn(observed.events, span));
  if (cast.failed !== null) found.votes = votesIn(observed.events, { ...span, server: cast.failed });
  found.primarySearch = primarySearch(scene);
  found.sessionsBack = sessionsBack(scene, {
    promote: found.promote,
    primarySearch: found.primarySearch,
    addressUp: found.addressUp,
    okWriteAt,
  });
  found.standbysAttached = standbysAttached(scene, found.sessionsBack);
  return { scene, found };
}

/** Detection ends with the failed database's own agent's last check, or with the silence of an agent that is gone. */
function detectionBound({ commands, cast }: Scene): { setting: string; file: string } {
  const checked = commands.some(({ name, node }) => name === 'finalCheck' && node === cast.failed);
  return { setting: checked ? 'local.timeout' : 'node.timeout', file: 'efm.properties' };
}

function phaseOf(
  name: PhaseName,
  { startMs, endMs }: Stretch,
  { settings, scene }: { settings: readonly ManifestSetting[]; scene: Scene },
): TimelinePhase {
  const bound = name === 'detect' ? detectionBound(scene) : boundingSettings[name];
  const actor = actorOf(name, scene);
  const found = settings.find(
    ({ setting, file, server }) =>
      setting === bound?.setting && file === bound.file && (server === null || server === actor),
  );
  const boundBy = found ? { setting: found.setting, value: found.value, file: found.file } : null;
  return { name, startMs, endMs, boundBy };
}

/** The server whose agent's properties bound a phase. */
function actorOf(name: PhaseName, { cast, commands }: Scene): string | null {
  if (name === 'promote') return cast.newPrimary;
  if (name === 'verify') return commands.find((command) => command.name === 'verifyDatabase')?.node ?? null;
  if (name === 'vip') return commands.find((command) => command.name === 'checkVip')?.node ?? null;
  if (name !== 'reconfigure') return cast.failed;
  const others = commands.filter(({ node }) => node !== cast.oldPrimary && node !== cast.newPrimary);
  return others.find((command) => command.name === 'followPrimary')?.node ?? null;
}

function castOf(
  observed: Observed,
  history: ClusterHistory,
  options: { window: DrillWindow; commands: readonly CommandSpan[] },
): Cast {
  const { window, commands } = options;
  const newPrimary = commands.find(({ name }) => name === 'promoteServer')?.node ?? null;
  const before = history.primaryBefore(window.begunMs) ?? atStart(observed);
  const servers = pooledServers(observed).map(({ name }) => name);
  const found = commands.find(({ name }) => name === 'finalCheck' || name === 'verifyDatabase')?.target;
  const failed = found ?? (newPrimary === null ? null : before);
  if (newPrimary === null) {
    const target = window.target !== null && servers.includes(window.target) ? [window.target] : servers;
    return { oldPrimary: before, newPrimary, failed, expectedStandbys: target };
  }
  const serving = servers.filter((name) => history.attachedAt(name, window.begunMs) !== false);
  const oldReturns = commands.some(({ name, node }) => name === 'loadBalancerAttach' && node === before);
  const expectedStandbys = serving.filter((name) => name !== newPrimary && (name !== before || oldReturns));
  return { oldPrimary: before, newPrimary, failed, expectedStandbys };
}

function atStart({ manifest }: Observed): string | null {
  return manifest.servers.find(({ roleAtStart }) => roleAtStart === 'primary')?.name ?? null;
}

export type Found = Partial<Record<PhaseName, Stretch | undefined>>;

function detection({ events, window, commands, cast }: Scene): Found {
  const { failed } = cast;
  if (failed === null) return {};
  const own = commands.filter(({ node }) => node === failed);
  const final = own.find(({ name, startMs }) => name === 'finalCheck' && startMs >= window.injectedMs);
  const fallback = events.find(
    (event) =>
      event.type === 'agentState' &&
      event.machine === 'agent' &&
      event.node === failed &&
      within(event.atMs, { startMs: window.injectedMs, endMs: window.untilMs }),
  );
  const verifying = commands.filter(({ name, target }) => name === 'verifyDatabase' && target === failed);
  const [firstVerify] = verifying;
  const suspectedMs = final?.startMs ?? (firstVerify ? (fallback?.atMs ?? firstVerify.startMs) : undefined);
  const verified = spanOf([...(final ? [final] : []), ...verifying]);
  return {
    detect: suspectedMs === undefined ? undefined : { startMs: window.injectedMs, endMs: suspectedMs },
    verify: verifying.length === 0 ? undefined : verified,
    stop: spanOf(own.filter(({ name }) => name === 'stopServer').slice(0, 1)),
    detach: spanOf([detachOf(failed, commands)].flatMap((command) => command ?? [])),
    vip: spanOf(commands.filter(({ name }) => vipChecks.has(name))),
  };
}

/** The first detach of a server, by its own agent or, where that is gone, by another. */
function detachOf(server: string | null, commands: readonly CommandSpan[]): CommandSpan | undefined {
  return commands.find(
    ({ name, node, target }) => name === 'loadBalancerDetach' && (target ?? node) === server,
  );
}

const vipChecks: ReadonlySet<AgentCommandName> = new Set(['releaseVip', 'checkVip', 'checkWellKnownHost']);

const reconfiguring: ReadonlySet<AgentCommandName> = new Set([
  'loadBalancerDetach',
  'stopServer',
  'followPrimary',
  'startServer',
  'awaitConnection',
]);

function promotion({ commands, cast }: Scene): Found {
  const { oldPrimary, newPrimary } = cast;
  if (newPrimary === null) return {};
  const promoted = commands.filter(
    ({ name, node }) => node === newPrimary && (name === 'promoteServer' || name === 'awaitRecoveryEnd'),
  );
  const followers = commands.filter(
    ({ name, node }) => node !== newPrimary && node !== oldPrimary && reconfiguring.has(name),
  );
  const follows = followers.some(({ name }) => name === 'followPrimary');
  return {
    fence: spanOf(commands.filter(({ name }) => name === 'fence')),
    promote: spanOf(promoted),
    reconfigure: follows ? spanOf(followers) : undefined,
  };
}

function arrival({ commands }: Scene): Found {
  return { pgpoolPromote: spanOf(commands.filter(({ name }) => name === 'postPromotion')) };
}

/** From the start of the old primary's detach until Pgpool lists the new primary. */
function primarySearch({ history, window, commands, cast }: Scene): Stretch | undefined {
  const { oldPrimary, newPrimary } = cast;
  const detach = detachOf(oldPrimary, commands);
  if (!detach || newPrimary === null) return undefined;
  const listedMs = history.listedPrimaryAt(newPrimary, { startMs: detach.startMs, endMs: window.untilMs });
  return listedMs === null ? undefined : { startMs: detach.startMs, endMs: listedMs };
}

function sessionsBack(
  { window }: Scene,
  options: {
    promote: Stretch | undefined;
    primarySearch: Stretch | undefined;
    addressUp: Stretch | undefined;
    okWriteAt: (fromMs: number) => number | null;
  },
): Stretch | undefined {
  const { promote, primarySearch: search, addressUp, okWriteAt } = options;
  const ends = [
    ...(promote && search ? [promote.endMs, search.endMs] : []),
    ...(addressUp ? [addressUp.endMs] : []),
  ];
  if (ends.length === 0) return undefined;
  const startMs = Math.max(...ends);
  const endMs = okWriteAt(startMs);
  return endMs === null || endMs > window.untilMs ? undefined : { startMs, endMs };
}

/**
 * Until the last expected standby is in Pgpool's use again; from the first ok write when that was earlier, else from the
 * first one's leaving. In a drill that changes no primary it begins with the injection.
 */
function standbysAttached(
  { history, window, cast }: Scene,
  sessions: Stretch | undefined,
): Stretch | undefined {
  const stretch = { startMs: window.begunMs, endMs: window.untilMs };
  const returns: number[] = [];
  let firstOutMs = Number.POSITIVE_INFINITY;
  for (const server of cast.expectedStandbys) {
    const changes = history.changesOf(server, stretch);
    const last = changes.at(-1);
    if (last === undefined) continue;
    if (last.to === 'out') return undefined;
    returns.push(last.atMs);
    firstOutMs = Math.min(firstOutMs, changes.find(({ to }) => to === 'out')?.atMs ?? window.injectedMs);
  }
  if (returns.length === 0) return undefined;
  const endMs = Math.max(...returns);
  const startMs = sessions && sessions.endMs < endMs ? sessions.endMs : Math.min(firstOutMs, endMs);
  return { startMs: Math.min(startMs, endMs), endMs };
}

/** The standbys that a drill took out of Pgpool's use and that were still out when the next one began. */
export function standbysStillOut(
  recording: Recording,
  history: ClusterHistory,
  window: DrillWindow,
): string[] {
  const commands = commandsIn(recording.events, { startMs: window.begunMs, endMs: window.untilMs });
  const { expectedStandbys } = castOf(recording, history, { window, commands });
  return expectedStandbys.filter(
    (server) =>
      history.changesOf(server, { startMs: window.begunMs, endMs: window.untilMs }).at(-1)?.to === 'out',
  );
}
