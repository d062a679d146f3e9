/**
 * Form of a value. Numbers with a unit (`seconds`, `bytes` …) are bare numbers of that unit, from 4.2 on also written
 * with one (`10s`, `64MB`); a list holds the words that are taken; `flags` are backend_flag's words joined by
 * `|`, `redirects` are `name:node` or `name:node(ratio)` joined by commas.
 */
export type PgpoolForm =
  | 'switch'
  | 'integer'
  | 'number'
  | 'milliseconds'
  | 'seconds'
  | 'minutes'
  | 'bytes'
  | 'kilobytes'
  | 'text'
  | 'flags'
  | 'redirects'
  | readonly string[];

/** When a changed value takes effect; `session`: on reload, and settable by a client for its session. */
export type PgpoolChange = 'restart' | 'reload' | 'session';

interface RowExtra {
  /** First version; several: the first release of each line that has it, and every line after the last. */
  since?: string;
  /** Last release line that has it. */
  until?: string;
  /** The name carries a number: of a backend, a watchdog node or a heartbeat link. */
  index?: 'backend' | 'watchdog' | 'heartbeat';
  /** May stand without the number too, for all that have none of their own. */
  alone?: boolean;
  min?: number;
  max?: number;
}

/** One line of the catalogue: name, form, change, compiled default (by version, oldest first), the rest. */
export type PgpoolRow = readonly [
  name: string,
  form: PgpoolForm,
  change: PgpoolChange,
  standard: string | Readonly<Record<string, string>>,
  extra?: RowExtra,
];

/** A setting of pgpool.conf in the versions that read it in one way. */
export interface PgpoolParameter {
  /** Without the number of an indexed one: `backend_weight`. */
  name: string;
  form: PgpoolForm;
  change: PgpoolChange;
  /** Compiled default by the version that brought it, oldest first. */
  defaults: Readonly<Record<string, string>>;
  since: readonly string[];
  until: string | null;
  index: 'backend' | 'watchdog' | 'heartbeat' | null;
  alone: boolean;
  /** Bounds of a number, in the setting's own unit. */
  min: number;
  max: number;
}

/** The largest number that Pgpool reads into an int. */
const largestInteger = 2 ** 31 - 1;

/** The parameter that a row of the catalogue describes. */
export function parameterOf([name, form, change, standard, extra = {}]: PgpoolRow): PgpoolParameter {
  return {
    name,
    form,
    change,
    defaults: typeof standard === 'string' ? { '4.0': standard } : standard,
    since: (extra.since ?? '4.0').split(' '),
    until: extra.until ?? null,
    index: extra.index ?? null,
    alone: extra.alone ?? false,
    min: extra.min ?? 0,
    max: extra.max ?? largestInteger,
  };
}
