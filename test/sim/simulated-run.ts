import type { PlannedDrill } from '../../src/drills/catalogue.ts';
import type { Settlement } from '../../src/drills/world.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';
import { MemoryRecorder } from '../../src/recording/memory.ts';
import type { Recording } from '../../src/recording/recording.ts';
import { driveLoad } from '../../src/run/drive.ts';
import { manifestOf } from '../../src/run/manifest.ts';
import { planRun, type RunPlan } from '../../src/run/plan.ts';
import { SimWorld } from '../../src/sim/world.ts';
import type { Cluster } from '../../src/topology/cluster.ts';
import type { LoadPlan } from '../../src/workload/plan.ts';

export interface Asked {
  seed?: number;
  durationMs?: number;
  readsPerSecond?: number;
  writesPerSecond?: number;
  drills?: readonly (Pick<PlannedDrill, 'kind' | 'atMs'> & { lastsMs?: number | null })[];
  /** Over the model's efm.properties, on every agent. */
  properties?: Readonly<Record<string, string>>;
  weights?: readonly number[];
  /** Any other change of the model. */
  change?: (cluster: Cluster) => Cluster;
  /** Any other change of the load. */
  changeLoad?: (load: LoadPlan) => LoadPlan;
  /** Called at load start. */
  onStart?: (world: SimWorld) => void;
}

/** The shipped scenario on the shipped model, changed as asked. */
export function planOf(asked: Asked): RunPlan {
  const plan = planRun(
    'workloads/rehearse-failover.yaml',
    asked.seed === undefined ? {} : { seed: asked.seed },
  );
  const durationMs = asked.durationMs ?? plan.durationMs;
  const rates = [asked.readsPerSecond, asked.writesPerSecond];
  return {
    ...plan,
    durationMs,
    load: (asked.changeLoad ?? ((load) => load))({
      ...plan.load,
      durationMs,
      classes: plan.load.classes.map((entry, index) => ({
        ...entry,
        perSecond: rates[index] ?? entry.perSecond,
      })),
    }),
    cluster: (asked.change ?? ((cluster) => cluster))({
      ...plan.cluster,
      agents: plan.cluster.agents.map((agent) => ({
        ...agent,
        properties: { ...agent.properties, ...asked.properties },
      })),
      backends: plan.cluster.backends.map((backend, index) => ({
        ...backend,
        weight: asked.weights?.[index] ?? backend.weight,
      })),
    }),
    drills:
      asked.drills?.map(({ kind, atMs, lastsMs = null }, index) => ({
        id: `${kind}-${index}`,
        kind,
        target: null,
        atMs,
        lastsMs,
      })) ?? plan.drills,
  };
}

export interface SimulatedRun {
  recording: Recording;
  settled: Settlement;
  world: SimWorld;
}

/** Runs a plan on the simulated world, as `run` does. */
export async function simulateRun(asked: Asked = {}): Promise<SimulatedRun> {
  const plan = planOf(asked);
  const world = new SimWorld(plan);
  const recorder = new MemoryRecorder();
  await world.prepare(recorder);
  asked.onStart?.(world);
  const { settled } = await driveLoad(world, plan, { recorder });
  await world.close();
  const { kind, transport } = world;
  const about = { kind, transport, components: world.components(), startedAt: null };
  return { recording: recorder.recording(manifestOf(plan, about), settled), settled, world };
}

/** Counts of a class over the whole run. */
export function totalOf(
  { intervals }: Recording,
  className: string,
  count: 'due' | 'ok' | 'failed' | 'unknown' | 'skipped',
) {
  return intervals.reduce((sum, { classes }) => sum + (classes[className]?.[count] ?? 0), 0);
}

/** Last state of every server and of every backend as the observers saw it. */
export function finalStates(events: readonly RecordedEvent[]) {
  const roles = new Map<string, string>();
  const backends = new Map<string, string>();
  for (const event of events) {
    if (event.type === 'serverRole') roles.set(event.server, event.role);
    if (event.type === 'backendStatus') backends.set(event.server, `${event.status} ${event.role}`);
  }
  return { roles, backends };
}
