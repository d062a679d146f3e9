import { z } from 'zod';
import { durationMs } from './values.ts';

const rateForm =
  'a rate is a number of operations per second above 0, a ramp { from, to, over } or steps [{ at, perSecond }, …]';
const mostPerSecond = 100_000;

/** A rate that moves evenly; `over` is the whole load unless written. */
export const rampShape = z
  .strictObject({
    from: z.number().min(0).max(mostPerSecond),
    to: z.number().min(0).max(mostPerSecond),
    over: durationMs.optional(),
  })
  .refine(({ from, to }) => from > 0 || to > 0, { error: 'a ramp from 0 to 0 has nothing due' })
  .refine(({ over }) => over !== 0, { error: 'a ramp takes some time', path: ['over'] });

/** One step: its rate holds from `at` to the next. */
export const stepShape = z.strictObject({ at: durationMs, perSecond: z.number().min(0).max(mostPerSecond) });

const stepsShape = z
  .array(stepShape)
  .min(1)
  .superRefine((steps, context) => {
    for (const [index, { at }] of steps.entries()) {
      const before = steps[index - 1];
      if (before === undefined || at > before.at) continue;
      const message = `steps come in order of time, and this one is not after the one before it (${before.at} ms)`;
      context.addIssue({ code: 'custom', message, path: [index, 'at'], input: at });
    }
    if (steps.every(({ perSecond }) => perSecond === 0))
      context.addIssue({ code: 'custom', message: 'steps of rate 0 have nothing due', input: steps });
  });

/** Operations per second: always the same, a ramp, or steps; faults are told at the part that has them. */
const rate = z.unknown().transform((value, context) => {
  const shape = Array.isArray(value)
    ? stepsShape
    : typeof value === 'object' && value !== null
      ? rampShape
      : z.number({ error: rateForm }).positive({ error: rateForm }).max(mostPerSecond);
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  context.issues.push(...(parsed.error.issues as typeof context.issues));
  return z.NEVER;
});

/** One class of operations. */
export const classShape = z
  .strictObject({
    name: z.enum(['read', 'write'], { error: 'a class is named read or write' }),
    script: z.string().min(1),
    perSecond: rate.optional(),
    weight: z.number().positive().optional(),
    /** Makes it a closed class: so many sessions of its own, each with one operation after the other. */
    sessions: z.int().min(1).max(10_000).optional(),
    /** Pause of a closed class's session between two operations. */
    thinkTime: durationMs.optional(),
    think: z.enum(['fixed', 'exponential']).optional(),
    /** Time limit of its executions; `load.timeout` unless written. */
    timeout: durationMs.optional(),
  })
  .refine(
    ({ perSecond, weight, sessions }) =>
      [perSecond, weight, sessions].filter((value) => value !== undefined).length === 1,
    {
      error:
        'a class has either perSecond or weight (open: due at a rate) or sessions (closed: one after the other), one of the three',
    },
  )
  .superRefine(({ sessions, thinkTime, think }, context) => {
    if (sessions !== undefined) return;
    for (const [key, value] of Object.entries({ thinkTime, think })) {
      if (value === undefined) continue;
      const message = `${key} belongs to a closed class, one with sessions of its own`;
      context.addIssue({ code: 'custom', message, path: [key], input: value });
    }
  })
  .transform((entry) => ({
    ...entry,
    thinkTime: entry.thinkTime ?? 0,
    think: entry.think ?? ('fixed' as const),
  }));

/** Load threads where the scenario names no number: enough for the shipped rates on the two cores of a small machine. */
const defaultWorkers = 2;

function hasWeight({ weight }: { weight?: number | undefined }): boolean {
  return weight !== undefined;
}

function isOpen({ sessions }: { sessions?: number | undefined }): boolean {
  return sessions === undefined;
}

/** The load of a scenario file: what becomes due when, over how many sessions, and what becomes of late work. */
export const loadShape = z
  .strictObject({
    scale: z.int().min(1).max(100_000).default(1),
    /** How statements are sent to real servers. */
    protocol: z.enum(['simple', 'extended', 'prepared']).default('simple'),
    /** What carries them to real servers: io_uring or Node's sockets; auto takes the ring where there is one. */
    transport: z.enum(['auto', 'ring', 'stream']).default('auto'),
    /** Of open classes. */
    arrivals: z.enum(['constant', 'poisson']).default('constant'),
    /** All classes together; needed when classes are given by weight. */
    perSecond: rate.optional(),
    classes: z.array(classShape).min(1),
    /** Of the open classes together. */
    sessions: z.int().min(1).max(10_000).optional(),
    sessionLifetime: durationMs.optional(),
    connect: z.enum(['pooled', 'perTransaction']).default('pooled'),
    patience: durationMs.default(1000),
    late: z.enum(['skip', 'catch-up']).default('skip'),
    timeout: durationMs.default(5000),
    /** Threads that carry the load; two unless written, but never more than sessions. */
    workers: z.int().min(1).max(64).optional(),
  })
  .refine(
    ({ classes }) => {
      const open = classes.filter(isOpen);
      return open.every(hasWeight) || !open.some(hasWeight);
    },
    { error: 'classes have either all a weight or all a perSecond of their own', path: ['classes'] },
  )
  .refine(({ classes, perSecond }) => !classes.some(hasWeight) || perSecond !== undefined, {
    error: 'classes given by weight need load.perSecond, the rate they share',
    path: ['classes'],
  })
  .refine(({ classes, perSecond }) => classes.some(hasWeight) || perSecond === undefined, {
    error:
      'load.perSecond is shared by classes that have a weight, and none has; give each class its own perSecond only',
    path: ['perSecond'],
  })
  .refine(({ classes, sessions }) => !classes.some(isOpen) || sessions !== undefined, {
    error: 'classes with a rate need load.sessions, the sessions that carry them out',
    path: ['sessions'],
  })
  .refine(({ classes, sessions }) => classes.some(isOpen) || sessions === undefined, {
    error:
      'load.sessions carry out the classes that have a rate, and none has; each class has sessions of its own',
    path: ['sessions'],
  })
  .transform((load) => {
    const sessions = load.sessions ?? 0;
    const all = load.classes.reduce((sum, entry) => sum + (entry.sessions ?? 0), sessions);
    const workers = load.workers ?? Math.min(defaultWorkers, sessions > 0 ? sessions : all);
    return { ...load, sessions, workers };
  });
