import { z } from 'zod';
import { durationMs } from './values.ts';

/** One service time: mean as a duration, coefficient of variation, and where the number comes from. */
const serviceTime = z.strictObject({
  mean: durationMs,
  variation: z.number().min(0).max(10).default(0.5),
  source: z.string().min(1),
});

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

const pgpoolShape = z.strictObject({ port: port.optional(), pcpPort: port.optional() });

const serverShape = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_-]*$/i, 'a server name starts with a letter and holds letters, digits, - and _'),
  address: ipv4,
  cpu: z.number().positive().optional(),
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
  network: serviceTime,
  replication: serviceTime,
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
  operator: z.strictObject({ rebuildAfter: durationMs }).default({ rebuildAfter: 600_000 }),
  serviceTimes: serviceTimesShape,
});

export type Model = z.output<typeof modelShape>;
export type ServiceTimes = z.output<typeof serviceTimesShape>;
