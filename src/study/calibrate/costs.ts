import type { ServiceTimes } from '../../scenario/model-shape.ts';
import { bracketShare } from '../../sim/running-script.ts';
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
  'read' | 'readOnStandby' | 'write' | 'replay' | 'background' | 'pgpoolStatement',
  ProcessorCost
>;

/** The last ones are left out first when causes move together. */
const onServers = ['read', 'readOnStandby', 'write', 'background', 'replay', 'session start'] as const;
const onPgpool = ['pgpoolStatement', 'idle', 'session start'] as const;

/**
 * Splits the processor time of the servers among what they did: reads (on a primary and on standbys), writes, replayed
 * writes, session starts, and what runs without any load; that of Pgpool among statements, session starts and the same.
 */
export function processorCosts(facts: readonly RunFacts[], known: ServiceTimes): ProcessorCosts {
  const windows = facts.flatMap((run) => run.windows);
  const servers = windows.filter(({ postgresMs }) => postgresMs !== null);
  const pgpools = windows.filter(({ pgpoolMs }) => pgpoolMs !== null);
  const serverFit = fitCosts(onServers, servers.map(serverRow), {
    known: { replay: known.replay?.mean ?? 0 },
  });
  const pgpoolFit = fitCosts(onPgpool, pgpools.map(pgpoolRow));
  const of = (fit: Fit, name: string): ProcessorCost => costIn(fit, name);
  return {
    read: of(serverFit, 'read'),
    readOnStandby: of(serverFit, 'readOnStandby'),
    write: of(serverFit, 'write'),
    replay: of(serverFit, 'replay'),
    background: of(serverFit, 'background'),
    pgpoolStatement: of(pgpoolFit, 'pgpoolStatement'),
  };
}

function serverRow({ role, reads, writes, brackets, sessionStarts, lengthMs, postgresMs }: Window): Row {
  const isPrimary = role === 'primary';
  const causes = {
    read: isPrimary ? reads : 0,
    readOnStandby: isPrimary ? 0 : reads + bracketShare * brackets,
    write: isPrimary ? writes : 0,
    background: lengthMs / 1000,
    'session start': sessionStarts,
    replay: isPrimary ? 0 : writes,
  };
  return { causes: onServers.map((name) => causes[name]), effect: postgresMs ?? 0 };
}

function pgpoolRow({ statements, sessionStarts, lengthMs, pgpoolMs }: Window): Row {
  const causes = { pgpoolStatement: statements, idle: lengthMs / 1000, 'session start': sessionStarts };
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
