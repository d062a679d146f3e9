import type { AgentCommandName, RecordedEvent } from '../recording/events.ts';
import type { ManifestSetting } from '../recording/manifest.ts';
import type { Recording } from '../recording/recording.ts';
import type { PhaseName, TimelinePhase } from '../recording/summary.ts';
import type { ClusterHistory } from './cluster-history.ts';
import type { CommandSpan } from './commands.ts';
import { commandsIn, spanOf } from './commands.ts';
import type { DrillWindow, Stretch } from './frame.ts';
import { within } from './frame.ts';
import { pooledServers } from './offload.ts';

/**
 * The setting that bounds a phase; a phase without one lasts as long as a script or a server takes.
 *
 * Source: EFM's cluster properties and Pgpool-II's failover section, as docs/method.md quotes them per phase.
 */
const boundingSettings: Partial<Record<PhaseName, { setting: string; file: string }>> = {
  detect: { setting: 'local.timeout', file: 'efm.properties' },
  verify: { setting: 'remote.timeout', file: 'efm.properties' },
  promote: { setting: 'recovery.check.period', file: 'efm.properties' },
  reconfigure: { setting: 'restart.connection.timeout', file: 'efm.properties' },
  primarySearch: { setting: 'search_primary_node_timeout', file: 'pgpool.conf' },
};

/** Who plays which part in a drill that changes the primary. */
interface Cast {
  oldPrimary: string | null;
  newPrimary: string | null;
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

/**
 * The phases of a drill from its first effect to recovery, by start. A phase that was not seen, or not seen to end, is
 * left out.
 *
 * @param okWriteAt instant of the first ok write at or after another; null when there is none
 * @see docs/method.md, "Phases", for where each begins and ends
 */
export function phasesOf(
  recording: Recording,
  history: ClusterHistory,
  options: { window: DrillWindow; okWriteAt: (fromMs: number) => number | null },
): TimelinePhase[] {
  const { window, okWriteAt } = options;
  const commands = commandsIn(recording.events, { startMs: window.begunMs, endMs: window.untilMs });
  const cast = castOf(recording, history, { window, commands });
  const { settings } = recording.manifest;
  const scene: Scene = { events: recording.events, history, window, commands, cast };
  const found: Partial<Record<PhaseName, Stretch | undefined>> = {
    ...detection(scene),
    ...promotion(scene),
    ...arrival(scene),
  };
  found.primarySearch = primarySearch(scene);
  found.sessionsBack = sessionsBack(scene, {
    promote: found.promote,
    primarySearch: found.primarySearch,
    okWriteAt,
  });
  found.standbysAttached = standbysAttached(scene, found.sessionsBack);
  return Object.entries(found)
    .flatMap(([name, stretch]) => (stretch ? [phaseOf(name as PhaseName, stretch, { settings, scene })] : []))
    .toSorted((first, second) => first.startMs - second.startMs || first.endMs - second.endMs);
}

function phaseOf(
  name: PhaseName,
  { startMs, endMs }: Stretch,
  { settings, scene }: { settings: readonly ManifestSetting[]; scene: Scene },
): TimelinePhase {
  const bound = boundingSettings[name];
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
  if (name !== 'reconfigure') return cast.oldPrimary;
  const others = commands.filter(({ node }) => node !== cast.oldPrimary && node !== cast.newPrimary);
  return others.find((command) => command.name === 'followPrimary')?.node ?? null;
}

function castOf(
  recording: Recording,
  history: ClusterHistory,
  options: { window: DrillWindow; commands: readonly CommandSpan[] },
): Cast {
  const { window, commands } = options;
  const newPrimary = commands.find(({ name }) => name === 'promoteServer')?.node ?? null;
  const before = history.primaryBefore(window.begunMs) ?? atStart(recording);
  const servers = pooledServers(recording).map(({ name }) => name);
  if (newPrimary === null) {
    const target = window.target !== null && servers.includes(window.target) ? [window.target] : servers;
    return { oldPrimary: null, newPrimary, expectedStandbys: target };
  }
  const serving = servers.filter((name) => history.attachedAt(name, window.begunMs) !== false);
  const oldReturns = commands.some(({ name, node }) => name === 'loadBalancerAttach' && node === before);
  const expectedStandbys = serving.filter((name) => name !== newPrimary && (name !== before || oldReturns));
  return { oldPrimary: before, newPrimary, expectedStandbys };
}

function atStart(recording: Recording): string | null {
  return recording.manifest.servers.find(({ roleAtStart }) => roleAtStart === 'primary')?.name ?? null;
}

type Found = Partial<Record<PhaseName, Stretch | undefined>>;

function detection({ events, window, commands, cast }: Scene): Found {
  const { oldPrimary } = cast;
  if (oldPrimary === null) return {};
  const own = commands.filter(({ node }) => node === oldPrimary);
  const final = own.find(({ name, startMs }) => name === 'finalCheck' && startMs >= window.injectedMs);
  const fallback = events.find(
    (event) =>
      event.type === 'agentState' &&
      event.machine === 'agent' &&
      event.node === oldPrimary &&
      within(event.atMs, { startMs: window.injectedMs, endMs: window.untilMs }),
  );
  const verifying = commands.filter(({ name, target }) => name === 'verifyDatabase' && target === oldPrimary);
  const suspectedMs = final?.startMs ?? (verifying.length > 0 ? fallback?.atMs : undefined);
  const verified = spanOf([...(final ? [final] : []), ...verifying]);
  return {
    detect: suspectedMs === undefined ? undefined : { startMs: window.injectedMs, endMs: suspectedMs },
    verify: verifying.length === 0 ? undefined : verified,
    stop: spanOf(own.filter(({ name }) => name === 'stopServer').slice(0, 1)),
    detach: spanOf(own.filter(({ name }) => name === 'loadBalancerDetach').slice(0, 1)),
  };
}

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
  const detach = commands.find(({ name, node }) => name === 'loadBalancerDetach' && node === oldPrimary);
  if (!detach || newPrimary === null) return undefined;
  const listedMs = history.listedPrimaryAt(newPrimary, { startMs: detach.startMs, endMs: window.untilMs });
  return listedMs === null ? undefined : { startMs: detach.startMs, endMs: listedMs };
}

function sessionsBack(
  { window }: Scene,
  options: {
    promote: Stretch | undefined;
    primarySearch: Stretch | undefined;
    okWriteAt: (fromMs: number) => number | null;
  },
): Stretch | undefined {
  const { promote, primarySearch: search, okWriteAt } = options;
  if (!promote || !search) return undefined;
  const startMs = Math.max(promote.endMs, search.endMs);
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
