import type { ServiceTimes } from '../../scenario/model-shape.ts';
import { bracketShare } from '../../sim/statement-work.ts';
import type { RunFacts, Window } from './facts.ts';
import { type Fit, fitCosts, type Row } from './least-squares.ts';

/** Processor time of one unit of work; `meanMs` is null where the data do not tell it, and `evidence` says why. */
export interface ProcessorCost {
  meanMs: number | null;
  /** Relative: what the fit leaves over of a typical window. */
  residual: number | null;
  evidence: string;
}

export type ProcessorCosts = Record<
  | 'read'
  | 'readOnStandby'
  | 'write'
  | 'replay'
  | 'background'
  | 'reset'
  | 'wake'
  | 'pgpoolStatement'
  | 'wakePgpool'
  | 'connect',
  ProcessorCost
>;

/** The last ones are left out first when causes move together. */
const onServers = ['read', 'readOnStandby', 'write', 'background', 'replay', 'reset', 'wake'] as const;
const onPgpool = ['pgpoolStatement', 'idle', 'wakePgpool', 'session start'] as const;

/**
 * Splits the processor time of the servers among what they did: reads (on a primary and on standbys), writes, replayed
 * writes, session starts, and what runs without any load; that of Pgpool among statements, session starts and the same.
 */
export function processorCosts(facts: readonly RunFacts[], known: ServiceTimes): ProcessorCosts {
  const windows = facts.flatMap((run) => run.windows);
  const servers = windows.filter(({ postgresMs }) => postgresMs !== null);
  const pgpools = windows.filter(({ pgpoolMs }) => pgpoolMs !== null);
  const untold = isBusy(facts) ? {} : { wake: alwaysRested, wakePgpool: alwaysRested };
  const serverFit = fitCosts(onServers, servers.map(serverRow), {
    known: meansOf(known, ['replay', 'reset', 'wake']),
    untold,
  });
  const pgpoolFit = fitCosts(onPgpool, pgpools.map(pgpoolRow), {
    known: meansOf(known, ['wakePgpool']),
    untold,
  });
  const of = (fit: Fit, name: string): ProcessorCost => costIn(fit, name);
  return {
    read: of(serverFit, 'read'),
    readOnStandby: of(serverFit, 'readOnStandby'),
    write: of(serverFit, 'write'),
    replay: of(serverFit, 'replay'),
    background: of(serverFit, 'background'),
    reset: of(serverFit, 'reset'),
    wake: of(serverFit, 'wake'),
    pgpoolStatement: of(pgpoolFit, 'pgpoolStatement'),
    wakePgpool: of(pgpoolFit, 'wakePgpool'),
    connect: of(pgpoolFit, 'session start'),
  };
}

const alwaysRested = 'no run keeps its sessions busy: closed sessions that do not think would tell';

/**
 * In some run most reads come to sessions that have just worked. Where all of them rest, the cost of a read and that of waking for
 * it are one sum, and little differences between windows would share it out.
 */
function isBusy(facts: readonly RunFacts[]): boolean {
  return facts.some(({ scenario, wakes }) =>
    scenario.classes.some(
      ({ name, kind, statements = 1 }) =>
        kind === 'read' && (wakes[name]?.worker ?? statements) < statements / 2,
    ),
  );
}

/** What a model says already; 0 of what it does not. */
function meansOf(
  known: ServiceTimes,
  names: readonly ('replay' | 'reset' | 'wake' | 'wakePgpool')[],
): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, known[name]?.mean ?? 0]));
}

function serverRow(window: Window): Row {
  const { role, reads, writes, brackets, sessionStarts, wakes, lengthMs, postgresMs } = window;
  const isPrimary = role === 'primary';
  const causes = {
    read: isPrimary ? reads : 0,
    readOnStandby: isPrimary ? 0 : reads + bracketShare * brackets,
    write: isPrimary ? writes : 0,
    background: lengthMs / 1000,
    reset: sessionStarts,
    wake: wakes,
    replay: isPrimary ? 0 : writes,
  };
  return { causes: onServers.map((name) => causes[name]), effect: postgresMs ?? 0 };
}

function pgpoolRow({ statements, sessionStarts, pgpoolWakes, lengthMs, pgpoolMs }: Window): Row {
  const causes = {
    pgpoolStatement: statements,
    idle: lengthMs / 1000,
    wakePgpool: pgpoolWakes,
    'session start': sessionStarts,
  };
  return { causes: onPgpool.map((name) => causes[name]), effect: pgpoolMs ?? 0 };
}

function costIn({ costs, left, residual, rows }: Fit, name: string): ProcessorCost {
  const none = (evidence: string): ProcessorCost => ({ meanMs: null, residual: null, evidence });
  if (rows === 0) return none('no processor time was sampled');
  const why = left.find((entry) => entry.name === name)?.why;
  if (why !== undefined) return none(why);
  const cost = costs.find((entry) => entry.name === name);
  if (!cost) return none('none was seen');
  const evidence = `processor time of ${rows} windows, ${micros(cost.value)} with a standard error of ${micros(cost.error)}`;
  return { meanMs: cost.value, residual, evidence };
}

function micros(ms: number): string {
  return `${Math.round(ms * 1000)} us`;
}
