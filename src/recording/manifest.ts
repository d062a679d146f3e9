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
  /** How sessions reach the servers: `ring`, `stream` with the reason, or `simulated`; `pg` in the first release. */
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
  classes: ManifestClass[];
  /** Of the open classes together. */
  sessions: number;
  sessionLifetimeMs: number | null;
  /** A connection is kept, or opened for each transaction; absent in the first release: kept. */
  connect?: 'pooled' | 'perTransaction' | undefined;
  /** What becomes of an operation that was not sent within the patience; absent in the first release: skipped. */
  late?: 'skip' | 'catch-up' | undefined;
  /** How statements were sent to real servers; absent in the first release: simple. */
  protocol?: 'simple' | 'extended' | 'prepared' | undefined;
  patienceMs: number;
  timeoutMs: number;
  warmupMs: number;
  measureMs: number;
  drills: { id: string; kind: string; target: string | null; atMs: number }[];
  thresholds: string[];
}

/** One class of operations: open, due at a rate, or closed, one after the other in sessions of its own. */
export interface ManifestClass {
  name: string;
  kind: 'read' | 'write';
  script: string;
  /** Operations due per second in the mean over the measured time; null of a closed class. */
  perSecond: number | null;
  /** Where the rate changes: segments in which it moves evenly, in order; ms since load start. */
  rates?: { startMs: number; endMs: number; fromPerSecond: number; toPerSecond: number }[] | undefined;
  /** Of a closed class: its sessions and the pause of each between two operations (a mean when it is exponential). */
  closed?: { sessions: number; thinkTimeMs: number; think: 'fixed' | 'exponential' } | undefined;
  /** SQL statements in the script. */
  statements?: number | undefined;
  /** How many of them Pgpool sends to the primary and to the session's own node. */
  onBothNodes?: number | undefined;
}

/** One server of the cluster model; `backendId` and `weight` where Pgpool lists it. */
export interface ManifestServer {
  name: string;
  address: string;
  port: number | null;
  backendId: number | null;
  weight: number | null;
  roleAtStart: 'primary' | 'standby' | null;
  /** Quota of processor time: `cpu` cores' worth in each period; absent for none. */
  cap?: { cpu: number; periodMs: number } | undefined;
  /** Cores that it runs on, in a simulated run: its own, or those of the machine that it shares with others. */
  processors?: { cores: number; shared: boolean } | undefined;
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
