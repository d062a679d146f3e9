import { z } from 'zod';
import { loadShape } from './load-shape.ts';
import { durationMs } from './values.ts';

/** Every kind of drill a scenario may name. */
export const drillKinds = [
  'switchover',
  'switchback',
  'failover',
  'node-loss',
  'agent-kill',
  'agent-stop',
  'standby-down',
  'standby-node-loss',
  'witness-loss',
  'pgpool-loss',
  'hang',
  'partition',
  'rebuild',
  'resume',
] as const;
export type DrillKind = (typeof drillKinds)[number];

const drillShape = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/i)
    .optional(),
  kind: z.enum(drillKinds, { error: `a drill kind is one of ${drillKinds.join(', ')}` }),
  at: durationMs,
  target: z.string().optional(),
  /** How long a hang, a partition or a lost process lasts; left out: to the end. */
  lasts: durationMs.optional(),
});

/** A scenario file: the question asked of a cluster. */
export const scenarioShape = z.strictObject({
  name: z.string().min(1),
  /** Cluster model file, relative to the scenario. */
  cluster: z.string().min(1),
  seed: z.int().min(0).max(2147483647).default(1),
  load: loadShape,
  phases: z.strictObject({ warmup: durationMs, measure: durationMs }),
  drills: z.array(drillShape).default([]),
  thresholds: z.array(z.string()).default([]),
});

export type ScenarioFile = z.output<typeof scenarioShape>;
