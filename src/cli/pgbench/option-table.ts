import { fatal, type Parsed, type ScriptChoice } from './options.ts';

/** For whom an option is: runs only, initialisation only, or both; the other mode refuses it. */
type Purpose = 'run' | 'init' | 'both';

export interface Option {
  long: readonly string[];
  short: string | null;
  purpose: Purpose;
  /** With an argument; without, `value` is empty. */
  takes: boolean;
  apply(options: Parsed, value: string): void;
}

const flag = (names: string, purpose: Purpose, apply: (options: Parsed) => void): Option => ({
  ...namesOf(names),
  purpose,
  takes: false,
  apply,
});

const valued = (names: string, purpose: Purpose, apply: Option['apply']): Option => ({
  ...namesOf(names),
  purpose,
  takes: true,
  apply,
});

function namesOf(names: string): Pick<Option, 'long' | 'short'> {
  const parts = names.split(' ');
  return {
    short: parts.find((part) => part.length === 1) ?? null,
    long: parts.filter((part) => part.length > 1),
  };
}

const int32Max = 2147483647;

function wholeNumber(value: string, name: string, [least, most]: [number, number] = [1, int32Max]): number {
  if (!/^\s*[-+]?\d+\s*$/.test(value)) fatal(`invalid value "${value}" for option ${name}`);
  const number = Number(value);
  if (number < least || number > most) fatal(`${name} must be in range ${least}..${most}`);
  return number;
}

/** The number at the front of a text, as C's atof reads it; 0 where none is. */
const leadingNumber = (value: string): number =>
  Number(/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/i.exec(value)?.[0] ?? 0);

const runOptions: readonly Option[] = [
  valued('b builtin', 'run', (options, value) => {
    options.scripts.push({ ...parseWeighted(value), kind: 'builtin' });
  }),
  valued('f file', 'run', (options, value) => {
    options.scripts.push({ ...parseWeighted(value), kind: 'file' });
  }),
  flag('N skip-some-updates', 'run', ({ scripts }) => {
    scripts.push({ name: 'simple-update', weight: 1, kind: 'builtin' });
  }),
  flag('S select-only', 'run', ({ scripts }) => {
    scripts.push({ name: 'select-only', weight: 1, kind: 'builtin' });
  }),
  valued('c client', 'run', (options, value) => {
    options.clients = wholeNumber(value, '-c/--clients');
  }),
  flag('C connect', 'run', (options) => {
    options.connectPerTransaction = true;
  }),
  valued('D define', 'run', ({ defines }, value) => {
    const equals = value.indexOf('=');
    const name = value.slice(0, Math.max(0, equals));
    if (equals <= 0 || equals === value.length - 1) fatal(`invalid variable definition: "${value}"`);
    if (!/^[A-Za-z0-9_\u0080-\uffff]+$/.test(name)) {
      fatal(`option: invalid variable name: "${name}"`);
    }
    defines[name] = value.slice(equals + 1);
  }),
  valued('j jobs', 'run', (options, value) => {
    options.jobs = wholeNumber(value, '-j/--jobs');
  }),
  flag('l log', 'run', (options) => {
    options.log = true;
  }),
  valued('L latency-limit', 'run', (options, value) => {
    const limit = leadingNumber(value);
    if (limit <= 0) fatal(`invalid latency limit: "${value}"`);
    options.latencyLimitMs = limit;
  }),
  valued('M protocol', 'run', (options, value) => {
    const known = (['simple', 'extended', 'prepared'] as const).find((name) => name === value);
    options.protocol = known ?? fatal(`invalid query mode (-M): "${value}"`);
  }),
  valued('P progress', 'run', (options, value) => {
    options.progressSeconds = wholeNumber(value, '-P/--progress');
  }),
  flag('r report-per-command report-latencies', 'run', (options) => {
    options.reportPerCommand = true;
  }),
  valued('R rate', 'run', (options, value) => {
    const rate = leadingNumber(value);
    if (rate <= 0) fatal(`invalid rate limit: "${value}"`);
    options.ratePerSecond = rate;
  }),
  valued('t transactions', 'run', (options, value) => {
    options.transactions = wholeNumber(value, '-t/--transactions');
  }),
  valued('T time', 'run', (options, value) => {
    options.durationSeconds = wholeNumber(value, '-T/--time');
  }),
  flag('v vacuum-all', 'run', (options) => {
    options.vacuumAll = true;
  }),
  valued('aggregate-interval', 'run', (options, value) => {
    options.aggregateIntervalSeconds = wholeNumber(value, '--aggregate-interval');
  }),
  flag('failures-detailed', 'run', (options) => {
    options.failuresDetailed = true;
  }),
  valued('log-prefix', 'run', (options, value) => {
    options.logPrefix = value;
  }),
  valued('max-tries', 'run', (options, value) => {
    const tries = Math.trunc(leadingNumber(value));
    if (tries < 0) fatal(`invalid number of maximum tries: "${value}"`);
    options.maxTries = tries;
  }),
  flag('progress-timestamp', 'run', (options) => {
    options.progressTimestamp = true;
  }),
  valued('random-seed', 'run', (options, value) => {
    options.randomSeed = randomSeed(value);
  }),
  valued('sampling-rate', 'run', (options, value) => {
    const rate = leadingNumber(value);
    if (rate <= 0 || rate > 1) fatal(`invalid sampling rate: "${value}"`);
    options.samplingRate = rate;
  }),
  flag('verbose-errors', 'run', (options) => {
    options.verboseErrors = true;
  }),
  valued('results', 'run', (options, value) => {
    if (value === '') fatal('--results needs the name of a folder');
    options.results = value;
  }),
  valued('transport', 'run', (options, value) => {
    const known = (['auto', 'ring', 'stream'] as const).find((name) => name === value);
    options.transport = known ?? fatal(`invalid transport: "${value}"`, 'hint: It is auto, ring or stream.');
  }),
  valued('answer-timeout', 'run', (options, value) => {
    const seconds = leadingNumber(value);
    if (seconds <= 0) fatal(`invalid answer timeout: "${value}"`);
    options.answerTimeoutSeconds = seconds;
  }),
  flag('abort-on-loss', 'run', (options) => {
    options.abortOnLoss = true;
  }),
];

const initOptions: readonly Option[] = [
  valued('I init-steps', 'init', (options, value) => {
    const wrong = [...value].find((step) => !'dtgGvpf '.includes(step));
    if (wrong !== undefined || value === '') {
      if (value === '') fatal('no initialization steps specified');
      fatal(`unrecognized initialization step "${wrong}"`, 'detail: Allowed step characters are: "dtgGvpf".');
    }
    options.initSteps = value;
  }),
  valued('F fillfactor', 'init', (options, value) => {
    options.fillfactor = wholeNumber(value, '-F/--fillfactor', [10, 100]);
  }),
  flag('q quiet', 'init', (options) => {
    options.quiet = true;
  }),
  flag('foreign-keys', 'init', (options) => {
    options.foreignKeys = true;
  }),
  flag('unlogged-tables', 'init', (options) => {
    options.unloggedTables = true;
  }),
  ...['tablespace', 'index-tablespace', 'partitions', 'partition-method'].map((name) =>
    valued(name, 'init', () =>
      fatal(
        `--${name} is not supported by pgdrill`,
        'hint: Initialize with pgbench itself, then run the load here.',
      ),
    ),
  ),
];

const commonOptions: readonly Option[] = [
  flag('i initialize', 'both', (options) => {
    options.initialize = true;
  }),
  flag('n no-vacuum', 'both', (options) => {
    options.noVacuum = true;
  }),
  valued('s scale', 'both', (options, value) => {
    options.scale = wholeNumber(value, '-s/--scale');
    options.scaleGiven = true;
  }),
  valued('show-script', 'both', (options, value) => {
    options.showScript = value;
  }),
  flag('d debug', 'both', (options) => {
    options.debug = true;
  }),
  valued('h host', 'both', (options, value) => {
    options.host = value;
  }),
  valued('p port', 'both', (options, value) => {
    options.port = value;
  }),
  valued('U username', 'both', (options, value) => {
    options.user = value;
  }),
  flag('json', 'both', (options) => {
    options.json = true;
  }),
];

/** Every option, pgbench's and ours. */
export const allOptions: readonly Option[] = [...runOptions, ...initOptions, ...commonOptions];

function randomSeed(value: string): bigint | null {
  if (value === 'time' || value === 'rand') return null;
  if (/^[-+]?\d+$/.test(value) && BigInt(value) < 2n ** 64n) return BigInt.asUintN(64, BigInt(value));
  return fatal(
    `unrecognized random seed option "${value}"`,
    'detail: Expecting an unsigned integer, "time" or "rand".',
    'error: error while setting random seed from --random-seed option',
  );
}

/** `name@weight`, the weight from the last `@`; without one it is 1. */
function parseWeighted(value: string): Pick<ScriptChoice, 'name' | 'weight'> {
  const at = value.lastIndexOf('@');
  if (at < 0) return { name: value, weight: 1 };
  const text = value.slice(at + 1);
  if (!/^\s*[-+]?\d+$/.test(text)) fatal(`invalid weight specification: @${text}`);
  const weight = Number(text);
  if (weight < 0 || weight > int32Max)
    fatal(`weight specification out of range (0 .. ${int32Max}): ${weight}`);
  return { name: value.slice(0, at), weight };
}
