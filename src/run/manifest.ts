import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageDir, packageVersion } from '../lab/package-dir.ts';
import type { Component, Manifest, ManifestClass, ManifestSetting } from '../recording/manifest.ts';
import { sharedCores } from '../sim/hosts.ts';
import { Destination, planScript, routingRulesOf, type ScriptPlan } from '../sim/script-plan.ts';
import type { Cluster } from '../topology/cluster.ts';
import { efmDefault } from '../topology/efm-properties.ts';
import { kindOf, type PlannedClass } from '../workload/plan.ts';
import { meanPerSecond } from '../workload/rate.ts';
import type { RunPlan } from './plan.ts';

/** Properties of EFM that bound a phase of a timeline. */
const boundingProperties = [
  'local.period',
  'local.timeout',
  'local.timeout.final',
  'remote.timeout',
  'node.timeout',
  'recovery.check.period',
  'restart.connection.timeout',
  'ping.server.command',
];

/** Describes a run for its recording. `world` is what tells the two worlds apart; a simulated one names no wall clock. */
export function manifestOf(
  plan: RunPlan,
  world: { kind: 'live' | 'simulated'; transport: string; components: Component[]; startedAt: string | null },
): Manifest {
  const { scenario, model, cluster, load } = plan;
  const { value } = scenario;
  const rules = routingRulesOf(cluster.pgpoolSettings);
  return {
    schema: 'pgdrill/manifest@1',
    world: world.kind,
    seed: value.seed,
    version: packageVersion(),
    commit: commitOf(packageDir),
    scenarioHash: scenario.hash,
    clusterHash: model.hash,
    scenario: {
      name: value.name,
      scale: value.load.scale,
      classes: load.classes.map((entry) => ({
        name: entry.name,
        kind: kindOf(entry),
        script: value.load.classes.find(({ name }) => name === entry.name)?.script ?? '',
        ...rateOf(entry, value.phases),
        statements: entry.script.statements.length,
        onBothNodes: statementsOnBothNodes(planScript(entry.script, rules)),
      })),
      sessions: load.sessions,
      sessionLifetimeMs: load.sessionLifetimeMs,
      connect: load.connect,
      late: load.late,
      protocol: load.protocol,
      patienceMs: load.patienceMs,
      timeoutMs: load.timeoutMs,
      warmupMs: value.phases.warmup,
      measureMs: value.phases.measure,
      drills: plan.drills.map(({ id, kind, target, atMs }) => ({ id, kind, target, atMs })),
      thresholds: value.thresholds,
    },
    servers: world.kind === 'simulated' ? withProcessors(cluster) : serversOf(cluster),
    components: world.components,
    capped: cluster.servers.some(({ cap }) => cap !== null),
    calibrated: cluster.serviceTimes.calibrated,
    transport: world.transport,
    settings: settingsOf(plan),
    startedAt: world.startedAt,
  };
}

/** A class's rate as a manifest tells it: the mean of the measured time, and all of it where it changes. */
function rateOf(
  { perSecond, closed }: PlannedClass,
  { warmup, measure }: { warmup: number; measure: number },
): Pick<ManifestClass, 'perSecond' | 'rates' | 'closed'> {
  if (perSecond === null) return { perSecond, closed: closed ?? undefined };
  if (typeof perSecond === 'number') return { perSecond };
  const measured = { startMs: warmup, endMs: warmup + measure };
  return { perSecond: meanPerSecond(perSecond, measured), rates: [...perSecond] };
}

/** Statements that Pgpool sends to the primary and to the session's own node, as BEGIN and COMMIT. */
export function statementsOnBothNodes({ destinations }: Pick<ScriptPlan, 'destinations'>): number {
  const both: readonly number[] = [Destination.primaryThenBalanced, Destination.balancedThenPrimary];
  return destinations.filter((destination) => both.includes(destination)).length;
}

function settingsOf({ cluster }: RunPlan): ManifestSetting[] {
  const efm = cluster.agents.flatMap(({ server, witness, properties, version }) =>
    witness
      ? []
      : boundingProperties.map((setting) => ({
          server,
          file: 'efm.properties',
          setting,
          value: properties[setting] ?? efmDefault(setting, version) ?? '',
        })),
  );
  const pgpool = Object.entries(cluster.pgpoolSettings).map(([setting, value]) => ({
    server: null,
    file: 'pgpool.conf',
    setting,
    value,
  }));
  return [...efm, ...pgpool];
}

/** The commit that is checked out in `folder`; null where it is no git checkout. */
function commitOf(folder: string): string | null {
  try {
    const git = join(folder, '.git');
    const head = readFileSync(join(git, 'HEAD'), 'utf8').trim();
    if (!head.startsWith('ref: ')) return head;
    const name = head.slice('ref: '.length);
    return readLoose(join(git, name)) ?? readPacked(join(git, 'packed-refs'), name);
  } catch {
    return null;
  }
}

function readLoose(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}

function readPacked(file: string, name: string): string | null {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((entry) => entry.endsWith(` ${name}`));
  return line?.split(' ')[0] ?? null;
}

/** The same with the cores that each server has in the simulation. */
function withProcessors(cluster: Cluster): Manifest['servers'] {
  const cores = new Map(cluster.servers.map(({ name, cpu }) => [name, cpu]));
  return serversOf(cluster).map((server) => {
    const own = cores.get(server.name) ?? null;
    return { ...server, processors: { cores: own ?? sharedCores, shared: own === null } };
  });
}

/** The servers of a cluster as a manifest lists them; what Pgpool knows of one is null where it has no database. */
export function serversOf(cluster: Cluster): Manifest['servers'] {
  return cluster.servers.map(({ name, address, cap }) => {
    const backend = cluster.backends.find(({ server }) => server === name);
    return {
      name,
      address,
      port: backend?.port ?? null,
      backendId: backend?.id ?? null,
      weight: backend?.weight ?? null,
      roleAtStart: backend?.roleAtStart ?? null,
      ...(cap ? { cap } : {}),
    };
  });
}
