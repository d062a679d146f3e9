/** What a run was, written first: `manifest.json`. Nothing in it changes once the load has started, but `interrupted`. */
export interface Manifest {
  schema: 'pgdrill/manifest@1';
  world: 'live' | 'simulated';
  seed: number;
  version: string;
  commit: string | null;
  scenarioHash: string;
  clusterHash: string;
  scenario: ManifestScenario;
  servers: ManifestServer[];
  components: Component[];
  /** CPU caps were in force. */
  capped: boolean;
  /** Service times of the model were measured on this machine. */
  calibrated: boolean;
  /** How sessions reach the servers: `pg`, or `simulated`. */
  transport: string;
  /** Settings that bound phases, by file label (`efm.properties`, `pgpool.conf`). */
  settings: ManifestSetting[];
  /** Wall-clock start, ISO 8601; null in a simulated run. */
  startedAt: string | null;
}

/** The parts of the scenario that analyses need; durations in ms. */
export interface ManifestScenario {
  name: string;
  scale: number;
  classes: { name: string; kind: 'read' | 'write'; script: string; perSecond: number }[];
  sessions: number;
  sessionLifetimeMs: number | null;
  patienceMs: number;
  timeoutMs: number;
  warmupMs: number;
  measureMs: number;
  drills: { id: string; kind: string; target: string | null; atMs: number }[];
  thresholds: string[];
}

/** One server of the cluster model; `backendId` and `weight` where Pgpool lists it. */
export interface ManifestServer {
  name: string;
  address: string;
  port: number | null;
  backendId: number | null;
  weight: number | null;
  roleAtStart: 'primary' | 'standby' | null;
}

/** Says of every part of the cluster how it took part in this run. */
export interface Component {
  name: string;
  kind: 'real' | 'emulated' | 'simulated';
  version: string | null;
}

/** A setting in force; `server` names the one whose file it stands in where servers have files of their own. */
export interface ManifestSetting {
  server: string | null;
  file: string;
  setting: string;
  value: string;
}
