import { z } from 'zod';
import { durationMs } from './values.ts';

/** Shapes that a service time may be drawn from; without one lognormal (docs/method.md S1). */
export const distributions = ['lognormal', 'exponential', 'gamma', 'deterministic', 'empirical'] as const;

const fewestQuantiles = 2;

/** A service time as the simulation draws it, ms; an empirical one has quantiles, and mean and variation from them. */
export interface ServiceTime {
  mean: number;
  variation: number;
  distribution: (typeof distributions)[number];
  quantiles?: readonly number[];
  source: string;
}

/**
 * One service time: mean as a duration, coefficient of variation, and where the number comes from. An empirical one is
 * given by its quantiles instead: ms, ascending, at equal steps of probability from the least value to the largest, read
 * with straight lines between them.
 */
const serviceTime = z
  .strictObject({
    mean: durationMs.optional(),
    variation: z.number().min(0).max(10).optional(),
    distribution: z.enum(distributions).default('lognormal'),
    quantiles: z
      .array(z.number().min(0, 'a quantile is a number of milliseconds, 0 or more'))
      .min(fewestQuantiles, 'an empirical distribution needs its least and its largest value at least')
      .optional(),
    source: z.string().min(1),
  })
  .superRefine(({ mean, variation, distribution, quantiles }, context) => {
    const refuse = (field: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [field], message });
    };
    if (distribution === 'empirical') {
      if (!quantiles) refuse('distribution', 'an empirical distribution needs quantiles: [ms, …], ascending');
      if (mean !== undefined) refuse('mean', 'an empirical distribution has its mean in its quantiles');
      if (variation !== undefined)
        refuse('variation', 'an empirical distribution has its variation in its quantiles');
    } else {
      if (mean === undefined) refuse('mean', 'a mean is missing: a duration such as 0.35ms');
      if (quantiles)
        refuse('quantiles', `quantiles belong to an empirical distribution, not to ${distribution}`);
    }
    if (variation !== undefined && (distribution === 'exponential' || distribution === 'deterministic'))
      refuse('variation', `the variation of ${distribution} is ${distribution === 'exponential' ? 1 : 0}`);
    const fallen = quantiles?.findIndex((value, at) => at > 0 && value < (quantiles[at - 1] ?? 0)) ?? -1;
    if (fallen > 0)
      refuse('quantiles', `quantiles ascend; ${quantiles?.[fallen]} follows ${quantiles?.[fallen - 1]}`);
  })
  .transform(({ mean, variation, quantiles, ...rest }): ServiceTime => {
    if (quantiles) return { ...rest, quantiles, ...momentsOf(quantiles) };
    return { ...rest, ...momentsAs(rest.distribution, mean, variation) };
  });

/** Variation where a model names none. */
const usualVariation = 0.5;

function momentsAs(
  distribution: (typeof distributions)[number],
  mean = 0,
  variation = usualVariation,
): { mean: number; variation: number } {
  if (distribution === 'exponential') return { mean, variation: 1 };
  return { mean, variation: distribution === 'deterministic' ? 0 : variation };
}

/** Mean and coefficient of variation of the density that is level between neighbouring quantiles. */
function momentsOf(quantiles: readonly number[]): { mean: number; variation: number } {
  let sum = 0;
  let squares = 0;
  for (let at = 1; at < quantiles.length; at += 1) {
    const [low = 0, high = 0] = quantiles.slice(at - 1, at + 1);
    sum += (low + high) / 2;
    squares += (low * low + low * high + high * high) / 3;
  }
  const mean = sum / (quantiles.length - 1);
  const variance = squares / (quantiles.length - 1) - mean * mean;
  return { mean, variation: mean > 0 ? Math.sqrt(Math.max(0, variance)) / mean : 0 };
}

const ipv4 = z.ipv4({ error: 'an IPv4 address such as 127.0.77.11' });
const port = z.int().min(1).max(65535);
const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** EFM's or Pgpool's version: in quotes, since YAML would read 4.10 as the number 4.1. */
const version = z
  .string({ error: "a version in quotes, such as '5.4'" })
  .regex(/^\d+\.\d+(\.\d+)?$/, "a version such as '5.4' or '4.3.5'");

/** Ports and the weight may also stand in the files that the model names; the usual values fill what neither says. */
const postgresShape = z.strictObject({
  port: port.optional(),
  role: z.enum(['primary', 'standby']),
  /** Pgpool's backend_weight; the node id is the position among the servers that have PostgreSQL. */
  weight: z.number().min(0).optional(),
});

const efmShape = z.strictObject({
  witness: z.boolean().default(false),
  port: port.optional(),
  adminPort: port.optional(),
  /** An efm.properties file of this server's agent only, relative to the model, instead of the model's `efm.file`. */
  file: z.string().optional(),
  /** Properties of this server's agent only; they win over `efm.properties` of the model and over files. */
  properties: z.record(z.string(), scalar).default({}),
});

const pgpoolShape = z.strictObject({
  port: port.optional(),
  pcpPort: port.optional(),
  /** wd_priority of this Pgpool alone; without it the one of `pgpool.settings`. */
  priority: z.int().min(1).optional(),
});

const serverShape = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_-]*$/i, 'a server name starts with a letter and holds letters, digits, - and _'),
  address: ipv4,
  cpu: z.number().positive().optional(),
  /** A quota of processor time, as a cgroup sets it: `cpu` cores' worth in each period, then a stop until the next. */
  cap: z
    .strictObject({
      cpu: z.number().positive(),
      period: durationMs
        .default(100)
        .refine(
          (ms) => ms >= 1 && ms <= 1000,
          'the period of a cap is between 1ms and 1s, as the kernel allows',
        ),
    })
    .optional(),
  postgres: postgresShape.optional(),
  efm: efmShape.optional(),
  pgpool: pgpoolShape.optional(),
});

const serviceTimesShape = z.strictObject({
  calibrated: z.boolean(),
  read: serviceTime,
  write: serviceTime,
  connect: serviceTime,
  stopServer: serviceTime,
  startServer: serviceTime,
  promoteServer: serviceTime,
  rebuildServer: serviceTime,
  script: serviceTime,
  /** failover_command and failback_command of Pgpool, from start to end but for a promotion that they wait for; without it `script`. */
  failoverCommand: serviceTime.optional(),
  network: serviceTime,
  replication: serviceTime,
  /** CPU of Pgpool for each statement, on its own host; none without it. */
  pgpoolStatement: serviceTime.optional(),
  /** A read on a standby, where it differs from `read`. */
  readOnStandby: serviceTime.optional(),
  /** CPU that each standby spends to replay a write; none without it. */
  replay: serviceTime.optional(),
  /** COMMIT with its flush on the primary; without it an equal share of `write`. */
  commit: serviceTime.optional(),
  /** wd_escalation_command and wd_de_escalation_command, each; without it `script`. */
  escalationCommand: serviceTime.optional(),
  /** From the start of Pgpool to its first session; without it `startServer`. */
  startPgpool: serviceTime.optional(),
  /** CPU that a database server spends in each second without any load; none without it. */
  background: serviceTime.optional(),
  /** CPU more of a statement on a database server whose process for that session had rested; none without it. */
  wake: serviceTime.optional(),
  /** The same of Pgpool's part of a statement, on its own host. */
  wakePgpool: serviceTime.optional(),
  /** In about so long a session's processes come to rest; only its mean counts. Without it the simulation's own. */
  wakeAfter: serviceTime.optional(),
  /** CPU on each connected server when a session ends and Pgpool keeps its connections (reset_query_list); none without it. */
  reset: serviceTime.optional(),
  /** WAL of one write. */
  writeBytes: z.strictObject({ bytes: z.number().positive(), source: z.string().min(1) }).optional(),
});

/** A cluster model file, before it becomes a `Cluster` (topology). */
export const modelShape = z.strictObject({
  name: z.string().min(1),
  servers: z.array(serverShape).min(1),
  efm: z
    .strictObject({
      cluster: z
        .string()
        .regex(/^[a-z][a-z0-9_]*$/i)
        .default('efm'),
      /** Without one: the newest that knows the properties' names. */
      version: version.optional(),
      /** An efm.properties file to start from, relative to the model. */
      file: z.string().optional(),
      /** They win over the file. */
      properties: z.record(z.string(), scalar).default({}),
    })
    .default({ cluster: 'efm', properties: {} }),
  pgpool: z
    .strictObject({
      /** Without one: what the names in the file fit, else that of Debian 12. */
      version: version.optional(),
      /** A pgpool.conf to start from, relative to the model. */
      file: z.string().optional(),
      /** They win over the file. */
      settings: z.record(z.string(), scalar).default({}),
    })
    .default({ settings: {} }),
  /** postgresql.conf of every server; the worlds read what docs/method.md names of it. */
  postgres: z.strictObject({ settings: z.record(z.string(), scalar).default({}) }).default({ settings: {} }),
  operator: z.strictObject({ rebuildAfter: durationMs }).default({ rebuildAfter: 600_000 }),
  serviceTimes: serviceTimesShape,
});

export type Model = z.output<typeof modelShape>;
export type ServiceTimes = z.output<typeof serviceTimesShape>;
