import { z } from 'zod';
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

const classShape = z
  .strictObject({
    name: z.enum(['read', 'write'], { error: 'a class is named read or write' }),
    script: z.string().min(1),
    perSecond: z.number().positive().max(100_000).optional(),
    weight: z.number().positive().optional(),
  })
  .refine((entry) => (entry.perSecond === undefined) !== (entry.weight === undefined), {
    error: 'a class has either perSecond or weight, not both and not none',
  });

/** Load threads where the scenario names no number: enough for the shipped rates on the two cores of a small machine. */
const defaultWorkers = 2;

function hasWeight({ weight }: { weight?: number | undefined }): boolean {
  return weight !== undefined;
}

const loadShape = z
  .strictObject({
    scale: z.int().min(1).max(100_000).default(1),
    arrivals: z.enum(['constant', 'poisson']).default('constant'),
    /** All classes together; needed when classes are given by weight. */
    perSecond: z.number().positive().max(100_000).optional(),
    classes: z.array(classShape).min(1),
    sessions: z.int().min(1).max(10_000),
    sessionLifetime: durationMs.optional(),
    patience: durationMs.default(1000),
    timeout: durationMs.default(5000),
    /** Threads that carry the load; two unless written, but never more than sessions. */
    workers: z.int().min(1).max(64).optional(),
  })
  .refine(({ classes }) => classes.every(hasWeight) || !classes.some(hasWeight), {
    error: 'classes have either all a weight or all a perSecond of their own',
    path: ['classes'],
  })
  .refine(({ classes, perSecond }) => !classes.some(hasWeight) || perSecond !== undefined, {
    error: 'classes given by weight need load.perSecond, the rate they share',
    path: ['classes'],
  })
  .refine(({ classes, perSecond }) => classes.some(hasWeight) || perSecond === undefined, {
    error:
      'load.perSecond is shared by classes that have a weight, and none has; give each class its own perSecond only',
    path: ['perSecond'],
  })
  .transform((load) => ({ ...load, workers: load.workers ?? Math.min(defaultWorkers, load.sessions) }));

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
