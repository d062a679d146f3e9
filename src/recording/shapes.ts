import { z } from 'zod';

const count = z.number();
const counts = z.record(z.string(), count);
const nullable = <Shape extends z.ZodType>(shape: Shape) => shape.nullable();

/** Tells a manifest of another version from something that is no manifest at all. */
export const schemaShape = z.object({ schema: z.string() });

/** `manifest.json`. */
export const manifestShape = z.object({
  schema: z.literal('pgdrill/manifest@1'),
  world: z.enum(['live', 'simulated']),
  seed: z.number(),
  version: z.string(),
  commit: nullable(z.string()),
  scenarioHash: z.string(),
  clusterHash: z.string(),
  scenario: z.object({
    name: z.string(),
    scale: count,
    classes: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(['read', 'write']),
        script: z.string(),
        perSecond: nullable(z.number()),
        rates: z
          .array(
            z.object({
              startMs: z.number(),
              endMs: z.number(),
              fromPerSecond: z.number(),
              toPerSecond: z.number(),
            }),
          )
          .optional(),
        closed: z
          .object({ sessions: count, thinkTimeMs: z.number(), think: z.enum(['fixed', 'exponential']) })
          .optional(),
        statements: count.optional(),
        onBothNodes: count.optional(),
      }),
    ),
    sessions: count,
    sessionLifetimeMs: nullable(z.number()),
    connect: z.enum(['pooled', 'perTransaction']).optional(),
    late: z.enum(['skip', 'catch-up']).optional(),
    protocol: z.enum(['simple', 'extended', 'prepared']).optional(),
    patienceMs: z.number(),
    timeoutMs: z.number(),
    warmupMs: z.number(),
    measureMs: z.number(),
    drills: z.array(
      z.object({ id: z.string(), kind: z.string(), target: nullable(z.string()), atMs: z.number() }),
    ),
    thresholds: z.array(z.string()),
  }),
  servers: z.array(
    z.object({
      name: z.string(),
      address: z.string(),
      port: nullable(z.number()),
      backendId: nullable(z.number()),
      weight: nullable(z.number()),
      roleAtStart: nullable(z.enum(['primary', 'standby'])),
      cap: z.object({ cpu: z.number(), periodMs: z.number() }).optional(),
      processors: z.object({ cores: z.number(), shared: z.boolean() }).optional(),
    }),
  ),
  components: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['real', 'emulated', 'simulated']),
      version: nullable(z.string()),
    }),
  ),
  capped: z.boolean(),
  calibrated: z.boolean(),
  transport: z.string(),
  settings: z.array(
    z.object({ server: nullable(z.string()), file: z.string(), setting: z.string(), value: z.string() }),
  ),
  startedAt: nullable(z.string()),
});

/** A line of `events.jsonl`: the parts that place it in time; the rest is as its writer knew it. */
export const eventShape = z.looseObject({ type: z.string(), atMs: z.number() });

const classIntervalShape = z.object({
  due: count,
  ok: count,
  failed: count,
  unknown: count,
  skipped: count,
  completedOk: count,
  errors: counts,
  firstOkMs: nullable(z.number()),
  lastOkMs: nullable(z.number()),
  maxLatencyMs: nullable(z.number()),
});

/** A line of `intervals.jsonl`. */
export const intervalShape = z.object({
  startMs: z.number(),
  lengthMs: z.number(),
  classes: z.record(z.string(), classIntervalShape),
  readsByServer: counts,
  sessionsByServer: counts,
  refusedSessions: counts,
  scheduleLagMs: nullable(z.number()),
});

/** `ledger.json`. */
export const settledShape = z.object({
  ledger: nullable(
    z.object({
      ok: count,
      unknown: count,
      failed: count,
      found: count,
      unknownFound: count,
      failedFound: count,
      lostAtMs: z.array(z.number()),
    }),
  ),
  counters: z.array(
    z.object({ name: z.string(), expected: count, actual: count, mayMiss: count.optional() }),
  ),
});
