import type { Model, ServiceTimes } from '../scenario/model-shape.ts';

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
  /** efm.properties as written for this agent, defaults not included. */
  properties: Readonly<Record<string, string>>;
}

export interface PgpoolPlace {
  server: string;
  address: string;
  port: number;
  pcpPort: number;
}

/** The cluster that both worlds build: who is where, with which settings. A value; roles change in the worlds, not here. */
export interface Cluster {
  name: string;
  efmCluster: string;
  servers: readonly { name: string; address: string; cpu: number | null }[];
  backends: readonly Backend[];
  agents: readonly AgentPlace[];
  pgpools: readonly PgpoolPlace[];
  /** pgpool.conf as written for each Pgpool, defaults not included. */
  pgpoolSettings: Readonly<Record<string, string>>;
  serviceTimes: ServiceTimes;
  rebuildAfterMs: number;
}

/** Builds the cluster value of a checked model. */
export function clusterOf(model: Model): Cluster {
  const backends: Backend[] = [];
  const agents: AgentPlace[] = [];
  const pgpools: PgpoolPlace[] = [];
  for (const { name, address, postgres, efm, pgpool } of model.servers) {
    if (postgres) {
      const { port, weight, role } = postgres;
      backends.push({ id: backends.length, server: name, address, port, weight, roleAtStart: role });
    }
    if (efm) {
      const properties = textValues({ ...model.efm.properties, ...efm.properties });
      agents.push({
        server: name,
        address,
        port: efm.port,
        adminPort: efm.adminPort,
        witness: efm.witness,
        properties,
      });
    }
    if (pgpool) pgpools.push({ server: name, address, port: pgpool.port, pcpPort: pgpool.pcpPort });
  }
  return {
    name: model.name,
    efmCluster: model.efm.cluster,
    servers: model.servers.map(({ name, address, cpu }) => ({ name, address, cpu: cpu ?? null })),
    backends,
    agents,
    pgpools,
    pgpoolSettings: textValues(model.pgpool.settings),
    serviceTimes: model.serviceTimes,
    rebuildAfterMs: model.operator.rebuildAfter,
  };
}

function textValues(values: Record<string, string | number | boolean>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
