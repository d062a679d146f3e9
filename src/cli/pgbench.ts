import { Command } from 'commander';
import { epochMs } from '../kernel/clock.ts';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { packageVersion } from '../lab/package-dir.ts';
import { type PgbenchOutcome, runPgbench } from '../load/pgbench/engine.ts';
import { initialize } from '../load/pgbench/initialize.ts';
import type { PgbenchPlan } from '../load/pgbench/plan.ts';
import { say, sayError, sayPlain } from '../load/pgbench/say.ts';
import {
  connectForSetup,
  roomForSessions,
  scaleOfTables,
  serverVersion,
  vacuumTables,
} from '../load/pgbench/setup.ts';
import { SliceWriter } from '../recording/slice-writer.ts';
import { resultFiles, writeResultFile } from '../recording/store.ts';
import { type PgbenchRunShape, renderPgbenchProgress, renderPgbenchReport } from '../report/pgbench.ts';
import { renderPgbenchFigures } from '../report/pgbench-own.ts';
import { defaultInitOptions } from '../workload/pgbench/init.ts';
import { TransactionCounts } from '../workload/pgbench/statistics.ts';
import { explain, interruptSignal, print } from './output.ts';
import { pgbenchFigures, pgbenchResult } from './pgbench/figures.ts';
import { parsePgbenchArguments } from './pgbench/getopt.ts';
import { pgbenchHelp } from './pgbench/help.ts';
import { fatal, type PgbenchOptions, PgbenchUsageError } from './pgbench/options.ts';
import { builtinList, builtinNamed, type ChosenScripts, chooseScripts } from './pgbench/scripts.ts';
import { type ConnectionChoice, chooseTarget } from './pgbench/target.ts';

/** A run that names neither ends after so many transactions of each client. */
const defaultTransactions = 10;

/** `pgdrill pgbench …`: pgbench's command line on our engine. Its words are read by `pgbench/getopt.ts`, not by commander. */
export function pgbenchCommand(): Command {
  return new Command('pgbench')
    .description(
      'run pgbench scripts with pgbench\'s own options; survives lost sessions (see "pgbench --help")',
    )
    .helpOption(false)
    .helpCommand(false)
    .allowUnknownOption()
    .passThroughOptions()
    .argument('[words...]', "pgbench's options and a database")
    .action(async (words: string[]) => {
      process.exitCode = await pgbench(words);
    });
}

async function pgbench(words: readonly string[]): Promise<ExitCode> {
  try {
    return await carryOut(parsePgbenchArguments(words));
  } catch (error) {
    if (error instanceof PgbenchUsageError) {
      for (const line of error.lines) say(line);
      return ExitCode.usage;
    }
    if (!(error instanceof DrillError)) return explain(error);
    sayError(error.message);
    if (error.hint !== undefined) say(`hint: ${error.hint}`);
    return error.exitCode;
  }
}

async function carryOut(options: PgbenchOptions): Promise<ExitCode> {
  if (options.help) print(pgbenchHelp);
  else if (options.version) print(`pgdrill pgbench ${packageVersion()} (language of PostgreSQL 15)`);
  else if (options.showScript !== null) {
    const { name, description, text } = builtinNamed(options.showScript);
    sayPlain(`-- ${name}: ${description}\n${text}`);
  } else if (options.scripts.some(({ kind, name }) => kind === 'builtin' && name === 'list'))
    for (const line of builtinList()) sayPlain(line);
  else if (options.initialize) await runInitialization(options);
  else return runBenchmark(options);
  return ExitCode.ok;
}

async function runInitialization(options: PgbenchOptions): Promise<void> {
  let steps = options.initSteps ?? defaultInitOptions.steps;
  if (options.noVacuum) steps = steps.replaceAll('v', ' ');
  if (options.foreignKeys && !steps.includes('f')) steps += 'f';
  const { scale, fillfactor, unloggedTables: unlogged, quiet } = options;
  await initialize(chooseTarget(options, process.env), { scale, fillfactor, unlogged, steps, quiet });
}

async function runBenchmark(options: PgbenchOptions): Promise<ExitCode> {
  const chosen = chooseScripts(options);
  for (const warning of chosen.warnings) say(`warning: ${warning}`);
  const choice = chooseTarget(options, process.env);
  const slices = options.results === null ? null : new SliceWriter(options.results);
  const { version, scale } = await prepare(options, chosen, choice);
  const plan = planOf(options, chosen, { ...choice, scale });
  const shape = shapeOf(plan);
  const { signal, release } = interruptSignal(say);
  let last = new TransactionCounts();
  const outcome = await runPgbench(plan, {
    signal,
    listener: {
      slices,
      progress: (number, counts) => {
        const { progressSeconds } = plan;
        const atSeconds = options.progressTimestamp ? epochMs() / 1000 : number * progressSeconds;
        const timestamp = options.progressTimestamp;
        const line = { atSeconds, timestamp, intervalSeconds: progressSeconds, counts: counts.since(last) };
        sayPlain(renderPgbenchProgress(shape, line));
        last = counts;
      },
    },
  }).finally(release);
  return tell({ options, plan, shape, outcome, kinds: chosen.kinds, version });
}

/** Asks the server for what a run needs to know, and vacuums. */
async function prepare(
  options: PgbenchOptions,
  { usesBuiltin }: ChosenScripts,
  { target, tls }: ConnectionChoice,
): Promise<{ version: string; scale: number }> {
  if (options.debug) {
    const { host, port, database } = target;
    say(`pghost: ${host} pgport: ${port} nclients: ${options.clients} dbName: ${database}`);
  }
  const client = await connectForSetup(target, tls);
  try {
    const version = await serverVersion(client);
    if (!options.json)
      print(`pgdrill pgbench ${packageVersion()} (language of PostgreSQL 15, server ${version})`);
    const room = await roomForSessions(client, target);
    if (room !== null && options.clients > room.sessions) {
      const limit = `${room.sessions} at a time (${room.setting})`;
      fatal(`${options.clients} clients need as many sessions, and there can be ${limit}`);
    }
    const { scale: given, scaleGiven } = options;
    const scale = usesBuiltin ? await scaleOfTables(client, target) : given;
    if (scaleGiven && usesBuiltin && scale !== given)
      say(`warning: scale option ignored, using count from pgbench_branches table (${scale})`);
    if (!options.noVacuum) await vacuumTables(client, options.vacuumAll);
    return { version, scale };
  } finally {
    await client.end().catch(() => undefined);
  }
}

function planOf(
  options: PgbenchOptions,
  { scripts }: ChosenScripts,
  { target, tls, scale }: ConnectionChoice & { scale: number },
): PgbenchPlan {
  const { durationSeconds, clients, jobs, defines, maxTries, protocol, transport } = options;
  const { connectPerTransaction, abortOnLoss, progressSeconds, reportPerCommand, verboseErrors } = options;
  const transactions = options.transactions ?? (durationSeconds === null ? defaultTransactions : null);
  const latencyLimitMs = Math.trunc((options.latencyLimitMs ?? 0) * 1000) / 1000 || null;
  return {
    ...{ target, tls, scale, scripts, protocol, clients, transactions, latencyLimitMs, transport, maxTries },
    ...{ connectPerTransaction, abortOnLoss, progressSeconds, reportPerCommand, verboseErrors, defines },
    ...{ failuresDetailed: options.failuresDetailed, debug: options.debug, seed: chooseSeed(options) },
    threads: Math.min(jobs, clients),
    durationMs: durationSeconds === null ? null : durationSeconds * 1000,
    perSecond: options.ratePerSecond,
    answerTimeoutMs: options.answerTimeoutSeconds === null ? null : options.answerTimeoutSeconds * 1000,
    log: options.log
      ? {
          prefix: options.logPrefix ?? 'pgbench_log',
          processId: process.pid,
          samplingRate: options.samplingRate,
          aggregateSeconds: options.aggregateIntervalSeconds,
        }
      : null,
  };
}

function chooseSeed({ randomSeed }: PgbenchOptions): bigint {
  const given = process.env.PGBENCH_RANDOM_SEED;
  if (randomSeed !== null || given === undefined || !/^\d+$/.test(given)) {
    if (randomSeed !== null) say(`setting random seed to ${randomSeed}`);
    return randomSeed ?? BigInt(Math.round(epochMs() * 1000));
  }
  say(`setting random seed to ${given}`);
  return BigInt.asUintN(64, BigInt(given));
}

function shapeOf(plan: PgbenchPlan): PgbenchRunShape {
  const { scale, protocol, clients, threads, maxTries, transactions, latencyLimitMs } = plan;
  const { failuresDetailed, reportPerCommand, connectPerTransaction } = plan;
  return {
    ...{ scale, protocol, clients, threads, maxTries, transactions, latencyLimitMs, failuresDetailed },
    ...{ reportPerCommand, connectPerTransaction },
    durationSeconds: plan.durationMs === null ? null : plan.durationMs / 1000,
    throttled: plan.perSecond !== null,
    progress: plan.progressSeconds > 0,
  };
}

function tell({
  options,
  plan,
  shape,
  outcome,
  kinds,
  version,
}: {
  options: PgbenchOptions;
  plan: PgbenchPlan;
  shape: PgbenchRunShape;
  outcome: PgbenchOutcome;
  kinds: readonly ('read' | 'write')[];
  version: string;
}): ExitCode {
  const result = pgbenchResult(plan, outcome);
  const figures = pgbenchFigures(plan, outcome, kinds);
  const { counts, runUs, initialConnectUs, connectUs, late, scripts } = result;
  const own = { schema: 'pgdrill/pgbench@1', version: packageVersion(), server: version, shape };
  const pgbench = { counts, runUs, initialConnectUs, connectUs, late, scripts };
  const summary = JSON.stringify({ ...own, pgbench, ...figures }, null, 2);
  if (options.results !== null) writeResultFile(options.results, resultFiles.summary, `${summary}\n`);
  if (options.json) print(summary);
  else print([...renderPgbenchReport(shape, result), ...renderPgbenchFigures(figures)].join('\n'));
  if (figures.sessions.abortedClients > 0) sayError('Run was aborted; the above results are incomplete.');
  if (outcome.interrupted) return ExitCode.interrupted;
  return figures.sessions.abortedClients > 0 ? ExitCode.failed : ExitCode.ok;
}
