/** A script that was named on the command line, with its weight. */
export interface ScriptChoice {
  kind: 'builtin' | 'file';
  name: string;
  weight: number;
}

/** What pgbench's command line asks for; names as in its long options, times as pgbench takes them. */
export interface PgbenchOptions {
  initialize: boolean;
  initSteps: string | null;
  fillfactor: number;
  foreignKeys: boolean;
  unloggedTables: boolean;
  quiet: boolean;
  noVacuum: boolean;
  vacuumAll: boolean;
  scale: number;
  scaleGiven: boolean;
  scripts: ScriptChoice[];
  clients: number;
  jobs: number;
  connectPerTransaction: boolean;
  defines: Record<string, string>;
  log: boolean;
  logPrefix: string | null;
  samplingRate: number;
  aggregateIntervalSeconds: number;
  latencyLimitMs: number | null;
  protocol: 'simple' | 'extended' | 'prepared';
  progressSeconds: number;
  progressTimestamp: boolean;
  reportPerCommand: boolean;
  ratePerSecond: number | null;
  transactions: number | null;
  durationSeconds: number | null;
  failuresDetailed: boolean;
  verboseErrors: boolean;
  /** Null: the time or strong random bits choose. */
  randomSeed: bigint | null;
  /** 0: without limit. */
  maxTries: number;
  showScript: string | null;
  debug: boolean;
  host: string | null;
  port: string | null;
  user: string | null;
  database: string | null;
  help: boolean;
  version: boolean;
  /** Ours: one JSON value instead of the text. */
  json: boolean;
  /** Ours: a folder that keeps slices, latencies and the summary. */
  results: string | null;
  /** Ours: which wire path. */
  transport: 'auto' | 'ring' | 'stream';
  /** Ours: a client that loses its connection is aborted, as pgbench does. */
  abortOnLoss: boolean;
  /** Ours: a statement that is not answered for so long ends its session; null: as pgbench, never. */
  answerTimeoutSeconds: number | null;
}

/** A refused command line: the lines that go to stderr, without the program's name. */
export class PgbenchUsageError extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

export const tryHelp = 'hint: Try "pgbench --help" for more information.';
/** Refuses with pgbench's error line and what follows it. */
export const fatal = (message: string, ...more: string[]): never => {
  throw new PgbenchUsageError([`error: ${message}`, ...more]);
};
/** Options while they are read: also which of the two modes they ask for. */
export interface Parsed extends PgbenchOptions {
  benchmarkingOptionSet: boolean;
  initializationOptionSet: boolean;
}

/** Options as they stand before the first argument. */
export function defaultOptions(): Parsed {
  return {
    initialize: false,
    initSteps: null,
    fillfactor: 100,
    foreignKeys: false,
    unloggedTables: false,
    quiet: false,
    noVacuum: false,
    vacuumAll: false,
    scale: 1,
    scaleGiven: false,
    scripts: [],
    clients: 1,
    jobs: 1,
    connectPerTransaction: false,
    defines: {},
    log: false,
    logPrefix: null,
    samplingRate: 0,
    aggregateIntervalSeconds: 0,
    latencyLimitMs: null,
    protocol: 'simple',
    progressSeconds: 0,
    progressTimestamp: false,
    reportPerCommand: false,
    ratePerSecond: null,
    transactions: null,
    durationSeconds: null,
    failuresDetailed: false,
    verboseErrors: false,
    randomSeed: null,
    maxTries: 1,
    showScript: null,
    debug: false,
    host: null,
    port: null,
    user: null,
    database: null,
    help: false,
    version: false,
    json: false,
    results: null,
    transport: 'auto',
    abortOnLoss: false,
    answerTimeoutSeconds: null,
    benchmarkingOptionSet: false,
    initializationOptionSet: false,
  };
}
