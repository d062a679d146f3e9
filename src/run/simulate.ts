import { MemoryRecorder } from '../recording/memory.ts';
import type { Recording } from '../recording/recording.ts';
import { SimWorld } from '../sim/world.ts';
import { driveLoad } from './drive.ts';
import { manifestOf } from './manifest.ts';
import type { RunPlan } from './plan.ts';

/**
 * Carries a plan out in virtual time and in memory: no file, no process. The same plan gives the same recording.
 *
 * The caller has asked `checkSimulated` first whether this world can follow the plan's cluster.
 */
export async function simulatePlan(plan: RunPlan): Promise<Recording> {
  const world = new SimWorld(plan);
  const recorder = new MemoryRecorder();
  await world.prepare(recorder);
  const { settled } = await driveLoad(world, plan, { recorder });
  await world.close();
  const { kind, transport } = world;
  return recorder.recording(
    manifestOf(plan, { kind, transport, components: world.components(), startedAt: null }),
    settled,
  );
}
