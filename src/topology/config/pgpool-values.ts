import type { PgpoolForm, PgpoolParameter } from './pgpool-parameter.ts';

/** Factors of a unit's own spellings to the setting's bare unit. Source: the conversion tables of pool_config_variables.c. */
const timeInMs: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const memoryInBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

const bareUnits: Readonly<
  Record<string, { units: Readonly<Record<string, number>>; base: number; name: string }>
> = {
  milliseconds: { units: timeInMs, base: 1, name: 'milliseconds' },
  seconds: { units: timeInMs, base: 1000, name: 'seconds' },
  minutes: { units: timeInMs, base: 60_000, name: 'minutes' },
  bytes: { units: memoryInBytes, base: 1, name: 'bytes' },
  kilobytes: { units: memoryInBytes, base: 1024, name: 'kilobytes' },
};

/** A number as Pgpool reads it, in the setting's own unit. */
export interface PgpoolNumber {
  /** Rounded to a whole number, as Pgpool does. */
  value: number;
  /** Before rounding. */
  exact: number;
  unit: string | null;
}

/**
 * Reads a number of pgpool.conf from 4.2 on: decimal, hexadecimal (`0x`) or octal (leading 0), with a unit if the form has one.
 * @returns undefined for what Pgpool would refuse
 */
export function readPgpoolNumber(text: string, form: PgpoolForm): PgpoolNumber | undefined {
  const match = /^\s*([-+]?)(0x[0-9a-fA-F]+|\d*\.?\d+(?:[eE][-+]?\d+)?|\d+\.)\s*([a-zA-Z]*)\s*$/.exec(text);
  if (!match?.[2]) return undefined;
  const [, sign, digits, unit = ''] = match;
  const size = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  const number = sign === '-' ? -size : size;
  if (unit === '') return { value: roundedEven(number), exact: number, unit: null };
  const bare = typeof form === 'string' ? bareUnits[form] : undefined;
  const factor = bare?.units[unit];
  if (!bare || factor === undefined) return undefined;
  const exact = (number * factor) / bare.base;
  return { value: roundedEven(exact), exact, unit };
}

/** Milliseconds of a time as Pgpool of 4.2 and later reads it: rounded to whole units of the setting; undefined for no time. */
export function pgpoolTimeMs(text: string, form: PgpoolForm): number | undefined {
  const bare = typeof form === 'string' ? bareUnits[form] : undefined;
  const number = readPgpoolNumber(text, form);
  return bare && bare.units === timeInMs && number ? number.value * bare.base : undefined;
}

/** Whether a switch is on: on, true, yes, 1 and their beginnings; undefined for a word that is neither (Pgpool takes it for on). */
export function pgpoolTruth(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (word === '') return undefined;
  if (word === '1' || 'true'.startsWith(word) || 'yes'.startsWith(word) || word === 'on') return true;
  if (word === '0' || 'false'.startsWith(word) || 'no'.startsWith(word)) return false;
  return word === 'of' || word === 'off' ? false : undefined;
}

/** What the value of a parameter ought to be in words; null when Pgpool reads it as it is written. */
export function pgpoolValueRule(
  parameter: PgpoolParameter,
  text: string,
  { units, lone }: { units: boolean; lone: boolean },
): string | null {
  const { form } = parameter;
  if (form === 'text') return null;
  if (form === 'flags') return flagsRule(text);
  if (form === 'redirects') return redirectsRule(text);
  if (form === 'switch')
    return pgpoolTruth(text) === undefined ? 'on or off (any other word would be taken for on)' : null;
  if (typeof form !== 'string')
    return form.includes(text.toLowerCase()) || form.includes(text) ? null : `one of ${form.join(', ')}`;
  if (form === 'number') return numberRule(parameter, text);
  const bare = bareUnits[form];
  const described = bare ? `a whole number of ${bare.name}` : 'a whole number';
  const number = readPgpoolNumber(text, form);
  if (!number)
    return bare && units && !lone ? `${described}, or one with a unit: ${unitExamples(form)}` : described;
  if (number.unit !== null && !units) return `${described}: units are read from 4.2 on`;
  if (number.unit !== null && lone)
    return `${described}: a unit is refused here, though not behind a backend number`;
  if (number.value !== number.exact) return `${described}: Pgpool would read ${number.value}`;
  return boundsRule(parameter, number.value);
}

function numberRule(parameter: PgpoolParameter, text: string): string | null {
  if (!/^\d*\.?\d+([eE][-+]?\d+)?$|^\d+\.$/.test(text.trim())) return 'a number';
  return boundsRule(parameter, Number(text));
}

function boundsRule({ min, max }: PgpoolParameter, value: number): string | null {
  if (value < min) return `at least ${min}`;
  return value > max ? `at most ${max}` : null;
}

function flagsRule(text: string): string | null {
  const flags = text === '' ? [] : text.split('|');
  const known = ['ALLOW_TO_FAILOVER', 'DISALLOW_TO_FAILOVER', 'ALWAYS_PRIMARY', 'ALWAYS_MASTER'];
  if (flags.some((flag) => !known.includes(flag))) return `of ${known.join(', ')}, joined by |`;
  const both = flags.includes('ALLOW_TO_FAILOVER') && flags.includes('DISALLOW_TO_FAILOVER');
  return both ? 'either ALLOW_TO_FAILOVER or DISALLOW_TO_FAILOVER' : null;
}

/** Pgpool refuses an unknown node, and reads nothing after a part without a colon. */
function redirectsRule(text: string): string | null {
  const parts = text.split(',').filter((part) => part !== '');
  const right = parts.every((part) => /^[^:]+:(primary|standby|\d{1,3})(\([\d.]+\))?$/i.test(part));
  return right
    ? null
    : 'a list of name:node, where node is primary, standby or a number, with (0 to 1) behind it if wanted';
}

function unitExamples(form: PgpoolForm): string {
  return form === 'bytes' || form === 'kilobytes' ? '512kB, 64MB, 1GB' : '500ms, 10s, 5min, 1h, 1d';
}

/** Rounds halves to the even number, as C's rint does. */
function roundedEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
