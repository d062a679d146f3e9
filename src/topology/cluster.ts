import { invariant } from '../kernel/errors.ts';
import type { Model, ServiceTimes } from '../scenario/model-shape.ts';
import { type ConfigDocument, valuesOf } from './config/document.ts';
import { efmVersionOf } from './config/guess.ts';
import { usualPgpoolVersion } from './config/pgpool-catalogue.ts';
import { isMachineBound } from './efm-properties.ts';
import type { ModelFiles } from './model-files.ts';
import { pgpoolSettingsInForce } from './pgpool-in-force.ts';

/** One backend as Pgpool lists it: a server that has PostgreSQL. The id is its position among those. */
export interface Backend {
  id: number;
  server: string;
  address: string;
  port: number;
  weight: number;
  roleAtStart: 'primary' | 'standby';
}

/** One EFM agent and the settings of its server. */
export interface AgentPlace {
  server: string;
  address: string;
  port: number;
  adminPort: number;
  witness: boolean;
  /** EFM's version, whose names and defaults the properties have. */
  version: string;
  /** efm.properties as written for this agent, defaults and what belongs to one machine not included. */
  properties: Readonly<Record<string, string>>;
}

export interface PgpoolPlace {
  server: string;
  address: string;
  port: number;
  pcpPort: number;
  /** wd_priority, where it is this one's own. */
  priority: number | null;
}

/** One host. */
export interface ServerPlace {
  name: string;
  address: string;
  /** Cores of its own; null: it shares one machine with the others that have none. */
  cpu: number | null;
  /** Quota of processor time: `cpu` cores' worth in each period; null for none. */
  cap: { cpu: number; periodMs: number } | null;
}

/** The cluster that both worlds build: who is where, with which settings. A value; roles change in the worlds, not here. */
export interface Cluster {
  name: string;
  efmCluster: string;
  servers: readonly ServerPlace[];
  backends: readonly Backend[];
  agents: readonly AgentPlace[];
  pgpools: readonly PgpoolPlace[];
  /** Pgpool's version, whose behaviour the settings were written for. */
  pgpoolVersion: string;
  /**
   * pgpool.conf for each Pgpool, in the names of 4.3.5 and with what belongs to one machine left out; defaults are not
   * included, but those in which the model's version differs.
   */
  pgpoolSettings: Readonly<Record<string, string>>;
  /** postgresql.conf of every server, as far as the model sets it. */
  postgresSettings: Readonly<Record<string, string>>;
  serviceTimes: ServiceTimes;
  rebuildAfterMs: number;
}

/**
 * Builds the cluster value of a checked model.
 * @param files what readModelFiles found; needed for a model that names files
 */
export function clusterOf(model: Model, files?: ModelFiles): Cluster {
  const namesFiles =
    model.efm.file !== undefined ||
    model.pgpool.file !== undefined ||
    model.servers.some(({ efm }) => efm?.file !== undefined);
  invariant(files !== undefined || !namesFiles, 'the files of the model were read');
  const pgpoolVersion = files?.pgpoolVersion ?? model.pgpool.version ?? usualPgpoolVersion;
  const written = files?.pgpool ? valuesOf(files.pgpool) : {};
  const settings = { ...written, ...textValues(model.pgpool.settings) };
  const watchdog = model.servers.filter(({ pgpool }) => pgpool).length > 1;
  return {
    name: model.name,
    efmCluster: model.efm.cluster,
    servers: model.servers.map(({ name, address, cpu, cap }) => ({
      name,
      address,
      cpu: cpu ?? null,
      cap: cap ? { cpu: cap.cpu, periodMs: cap.period } : null,
    })),
    backends: backendsOf(model, written),
    agents: agentsOf(model, files),
    pgpools: model.servers.flatMap(({ name: server, address, pgpool }) =>
      pgpool
        ? [
            {
              server,
              address,
              port: pgpool.port ?? Number(written.port ?? 9999),
              pcpPort: pgpool.pcpPort ?? Number(written.pcp_port ?? 9898),
              priority: pgpool.priority ?? null,
            },
          ]
        : [],
    ),
    pgpoolVersion,
    pgpoolSettings: pgpoolSettingsInForce(settings, pgpoolVersion, { watchdog }),
    postgresSettings: textValues(model.postgres.settings),
    serviceTimes: model.serviceTimes,
    rebuildAfterMs: model.operator.rebuildAfter,
  };
}

/** Whether the Pgpools watch each other. One alone has no watchdog, whatever its settings say. */
export function hasWatchdog({ pgpools }: Pick<Cluster, 'pgpools'>): boolean {
  return pgpools.length > 1;
}

/** Whether one machine carries every server, as a lab's does: all stand at loopback addresses. */
export function isOnOneMachine({ servers }: Pick<Cluster, 'servers'>): boolean {
  return servers.every(({ address }) => address.startsWith('127.'));
}

/** Ports and weights as the model says, else as its pgpool.conf does. */
function backendsOf(model: Model, written: Readonly<Record<string, string>>): Backend[] {
  return model.servers
    .filter(({ postgres }) => postgres)
    .flatMap(({ name: server, address, postgres }, id) => {
      if (!postgres) return [];
      const port = postgres.port ?? Number(written[`backend_port${id}`] ?? 5432);
      const weight = postgres.weight ?? Number(written[`backend_weight${id}`] ?? 1);
      return [{ id, server, address, port, weight, roleAtStart: postgres.role }];
    });
}

function agentsOf(model: Model, files: ModelFiles | undefined): AgentPlace[] {
  const names = model.servers.flatMap(({ efm }) =>
    Object.keys({ ...model.efm.properties, ...efm?.properties }),
  );
  const version = files?.efmVersion ?? model.efm.version ?? efmVersionOf(names).version;
  return model.servers.flatMap(({ name: server, address, efm }) => {
    if (!efm) return [];
    const own = files?.ofServer.get(server);
    const file = own ?? files?.efm;
    const bound = own ? valuesOf(own) : {};
    return [
      {
        server,
        address,
        port: efm.port ?? Number(bound['bind.address']?.replace(/^.*:/, '') || 7800),
        adminPort: efm.adminPort ?? Number(bound['admin.port'] || 7809),
        witness: efm.witness,
        version,
        properties: { ...sharedValues(file), ...textValues({ ...model.efm.properties, ...efm.properties }) },
      },
    ];
  });
}

/** What a file says that holds on another machine too. */
function sharedValues(document: ConfigDocument | null | undefined): Record<string, string> {
  const values = document ? Object.entries(valuesOf(document)) : [];
  return Object.fromEntries(values.filter(([name, value]) => value !== '' && !isMachineBound(name)));
}

function textValues(values: Record<string, string | number | boolean>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
