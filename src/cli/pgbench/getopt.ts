import { allOptions, type Option } from './option-table.ts';
import {
  defaultOptions,
  fatal,
  type Parsed,
  type PgbenchOptions,
  PgbenchUsageError,
  tryHelp,
} from './options.ts';

/**
 * Reads pgbench's command line as GNU getopt does: options anywhere, short ones bundled, long ones by any unique
 * beginning, `--` ends them.
 *
 * @param args what follows the sub-command
 * @throws PgbenchUsageError with the lines that PostgreSQL 15's pgbench prints for the same mistake
 */
export function parsePgbenchArguments(args: readonly string[]): PgbenchOptions {
  const options = defaultOptions();
  if (args[0] === '--help' || args[0] === '-?') return { ...options, help: true };
  if (args[0] === '--version' || args[0] === '-V') return { ...options, version: true };
  const names = readOptions(args, options);
  if (options.showScript !== null) return options;
  options.database = names[0] ?? null;
  if (names.length > 1) {
    throw new PgbenchUsageError([`error: too many command-line arguments (first is "${names[1]}")`, tryHelp]);
  }
  checkTogether(options);
  return options;
}

function readOptions(args: readonly string[], options: Parsed): string[] {
  const names: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') return [...names, ...rest];
    if (arg.startsWith('--')) readLong(arg.slice(2), rest, options);
    else if (arg.startsWith('-') && arg.length > 1) readShort(arg.slice(1), rest, options);
    else names.push(arg);
  }
  return names;
}

function refuse(message: string): never {
  throw new PgbenchUsageError([message, tryHelp]);
}

function readLong(text: string, rest: string[], options: Parsed): void {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const [option, long] = findLong(name);
  let value = equals < 0 ? undefined : text.slice(equals + 1);
  if (!option.takes && value !== undefined) refuse(`option '--${long}' doesn't allow an argument`);
  if (option.takes) value ??= rest.shift() ?? refuse(`option '--${long}' requires an argument`);
  take(option, value ?? '', options);
}

function findLong(name: string): [Option, string] {
  const found: [Option, string][] = [];
  for (const option of allOptions) {
    for (const long of option.long) {
      if (long === name) return [option, long];
      if (long.startsWith(name)) found.push([option, long]);
    }
  }
  const [first] = found;
  if (!first) return refuse(`unrecognized option '--${name}'`);
  if (found.some(([option]) => option !== first[0])) {
    const known = found.map(([, long]) => `'--${long}'`).join(' ');
    return refuse(`option '--${name}' is ambiguous; possibilities: ${known}`);
  }
  return first;
}

function readShort(text: string, rest: string[], options: Parsed): void {
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] as string;
    const option = allOptions.find(({ short }) => short === letter);
    if (!option) refuse(`invalid option -- '${letter}'`);
    if (option.takes) {
      const value =
        text.slice(at + 1) || (rest.shift() ?? refuse(`option requires an argument -- '${letter}'`));
      take(option, value, options);
      return;
    }
    take(option, '', options);
  }
}

function take(option: Option, value: string, options: Parsed): void {
  if (option.purpose === 'run') options.benchmarkingOptionSet = true;
  if (option.purpose === 'init') options.initializationOptionSet = true;
  option.apply(options, value);
}

/** What pgbench refuses once all options are known, in its order. */
function checkTogether(options: Parsed): void {
  const { scripts, durationSeconds: duration, aggregateIntervalSeconds: interval } = options;
  if (scripts.length > 0 && scripts.every(({ weight }) => weight === 0) && !options.initialize)
    fatal('total script weight must not be zero');
  if (options.initialize) {
    if (options.benchmarkingOptionSet)
      fatal('some of the specified options cannot be used in initialization (-i) mode');
    return;
  }
  if (options.initializationOptionSet)
    fatal('some of the specified options cannot be used in benchmarking mode');
  if (options.transactions !== null && duration !== null)
    fatal('specify either a number of transactions (-t) or a duration (-T), not both');
  checkLog(options);
  if (duration !== null && interval > duration) {
    fatal(
      `number of seconds for aggregation (${interval}) must not be higher than test duration (${duration})`,
    );
  }
  if (duration !== null && interval > 0 && duration % interval !== 0)
    fatal(`duration (${duration}) must be a multiple of aggregation interval (${interval})`);
  if (options.progressTimestamp && options.progressSeconds === 0)
    fatal('--progress-timestamp is allowed only under --progress');
  if (options.maxTries === 0 && options.latencyLimitMs === null && duration === null) {
    fatal(
      'an unlimited number of transaction tries can only be used with --latency-limit or a duration (-T)',
    );
  }
}

function checkLog({ log, logPrefix, samplingRate, aggregateIntervalSeconds: interval }: Parsed): void {
  if (samplingRate > 0 && !log)
    fatal('log sampling (--sampling-rate) is allowed only when logging transactions (-l)');
  if (samplingRate > 0 && interval > 0) {
    fatal(
      'log sampling (--sampling-rate) and aggregation (--aggregate-interval) cannot be used at the same time',
    );
  }
  if (interval > 0 && !log) fatal('log aggregation is allowed only when actually logging transactions');
  if (logPrefix !== null && !log)
    fatal('log file prefix (--log-prefix) is allowed only when logging transactions (-l)');
}
