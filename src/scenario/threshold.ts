import type { Problem } from '../kernel/errors.ts';
import { nearestName } from '../kernel/nearest-name.ts';
import { durationRule, parseDuration } from '../kernel/time.ts';
import type { ScenarioFile } from './scenario-shape.ts';
import type { Source } from './source.ts';

/** What the value of a metric is: spans are ms, shares 0..1. */
export type ThresholdUnit = 'ms' | 'perSecond' | 'share' | 'count';

const latencyMetrics = ['p50', 'p95', 'p99', 'p999', 'mean', 'max'] as const;
export type LatencyMetric = (typeof latencyMetrics)[number];

/** The other metrics of a class. */
const countMetrics = ['perSecond', 'failedShare', 'skippedShare', 'errors'] as const;
export type CountMetric = (typeof countMetrics)[number];

/** What a threshold looks at. */
export type ThresholdSubject =
  | { kind: 'latency' | 'service'; className: string; metric: LatencyMetric }
  | { kind: 'count'; className: string; metric: CountMetric }
  | { kind: 'offload' }
  | { kind: 'outage'; className: string };

const operators = ['<=', '>=', '<', '>'] as const;
export type Operator = (typeof operators)[number];

/** One judgement that a run must stand: `read.p99 < 20ms`. */
export interface Threshold {
  /** As written. */
  text: string;
  /** The metric's name: `read.p99`, `write.service.mean`, `offload`, `outage.read`. */
  metric: string;
  subject: ThresholdSubject;
  operator: Operator;
  /** In the metric's unit. */
  limit: number;
  unit: ThresholdUnit;
}

const classNames = ['read', 'write'];

interface Metric {
  subject: ThresholdSubject;
  unit: ThresholdUnit;
}

const countUnits: Record<CountMetric, ThresholdUnit> = {
  perSecond: 'perSecond',
  failedShare: 'share',
  skippedShare: 'share',
  errors: 'count',
};

/** Every metric by name. */
const metrics: ReadonlyMap<string, Metric> = new Map([
  ...classNames.flatMap((className) => [
    ...latencyMetrics.flatMap((metric): [string, Metric][] => [
      [`${className}.${metric}`, { subject: { kind: 'latency', className, metric }, unit: 'ms' }],
      [`${className}.service.${metric}`, { subject: { kind: 'service', className, metric }, unit: 'ms' }],
    ]),
    ...countMetrics.map((metric): [string, Metric] => [
      `${className}.${metric}`,
      { subject: { kind: 'count', className, metric }, unit: countUnits[metric] },
    ]),
    [`outage.${className}`, { subject: { kind: 'outage', className }, unit: 'ms' }] as [string, Metric],
  ]),
  ['offload', { subject: { kind: 'offload' }, unit: 'share' }],
]);

/** Every metric that a threshold may name. */
export const thresholdMetrics: readonly string[] = [...metrics.keys()];

/** A bare number, for the units that have a sign of their own. */
const numberPattern = /^\d+(?:\.\d+)?$/;

type Fault = Pick<Problem, 'rule' | 'message' | 'hint'>;

/**
 * Reads `<metric> <operator> <value>`: metrics are those of `thresholdMetrics`, values have the metric's unit (`20ms`, `90%`, `1000/s`, a
 * bare number for `errors`).
 */
export function parseThreshold(text: string): { threshold: Threshold } | { fault: Fault } {
  const match = /^\s*([^<>=\s]*)\s*(<=|>=|<|>)\s*([^<>=]*?)\s*$/.exec(text);
  const [, name = '', operator, written = ''] = match ?? [];
  if (!match) {
    return fault(
      'threshold',
      `"${text}" is no threshold`,
      'write metric, operator and value: read.p99 < 20ms',
    );
  }
  const metric = metrics.get(name);
  if (!metric) {
    const near = nearestName(name, [...metrics.keys()]) ?? sameMetric(name);
    const hint = near
      ? `did you mean ${near}?`
      : `metrics are read.p99, write.service.mean, read.perSecond, write.errors, offload, outage.write (docs/planning.md lists all)`;
    return fault('threshold-metric', `"${name}" is no metric, in "${text}"`, hint);
  }
  const limit = parseLimit(written, metric.unit);
  if (typeof limit !== 'number') {
    return fault('threshold-value', `"${written}" is no limit for ${name}: ${limit.why}`, limit.hint);
  }
  const threshold: Threshold = {
    text: text.trim(),
    metric: name,
    ...metric,
    operator: operator as Operator,
    limit,
  };
  return { threshold };
}

/** The same of each text; texts that are none are left out. */
export function parseThresholds(texts: readonly string[]): Threshold[] {
  return texts.flatMap((text) => {
    const read = parseThreshold(text);
    return 'threshold' in read ? [read.threshold] : [];
  });
}

/** Whether a value keeps to a threshold. @param value in the threshold's unit */
export function keeps({ operator, limit }: Pick<Threshold, 'operator' | 'limit'>, value: number): boolean {
  if (operator === '<') return value < limit;
  if (operator === '<=') return value <= limit;
  if (operator === '>') return value > limit;
  return value >= limit;
}

/**
 * What is wrong with the thresholds of a scenario and with those of the command line beside them: no threshold, or of a class that
 * the load lacks.
 */
export function checkThresholds(
  { value, placeOf }: Pick<Source<ScenarioFile>, 'value' | 'placeOf'>,
  options: readonly string[] = [],
): Problem[] {
  const inLoad = new Set<string>(value.load.classes.map(({ name }) => name));
  const written = value.thresholds.map((text, index) => ({ text, place: placeOf(['thresholds', index]) }));
  const given = options.map((text) => ({
    text,
    place: { file: `--threshold '${text}'`, line: 1, column: 1 },
  }));
  return [...written, ...given].flatMap(({ text, place }) => {
    const read = parseThreshold(text);
    if ('fault' in read) return [{ place, ...read.fault }];
    const { subject } = read.threshold;
    if (subject.kind === 'offload' ? inLoad.has('read') : inLoad.has(subject.className)) return [];
    const missing = subject.kind === 'offload' ? 'read' : subject.className;
    const message = `"${text}" judges the class ${missing}, which this load does not have`;
    const hint = `classes of this load: ${[...inLoad].join(', ')}`;
    return [{ place, rule: 'threshold-class', message, hint }];
  });
}

/** The metric that ends in this word, where only its class is missing or wrong: `p99`, `reads.p99`. */
function sameMetric(name: string): string | undefined {
  const last = name.split('.').at(-1) ?? '';
  const service = name.includes('service') ? 'service.' : '';
  const className = name.startsWith('w') ? 'write' : 'read';
  if (last === 'outage') return `outage.${className}`;
  return [`${className}.${service}${last}`, `outage.${className}`].find(
    (candidate) => metrics.has(candidate) && candidate.endsWith(`.${last}`),
  );
}

function parseLimit(written: string, unit: ThresholdUnit): number | { why: string; hint: string } {
  if (unit === 'ms') {
    const limitMs = parseDuration(written);
    if (limitMs !== undefined) return limitMs;
    const hint = numberPattern.test(written) ? `write ${written}ms or ${written}s` : durationRule;
    return { why: 'it is a time', hint };
  }
  const sign = { perSecond: '/s', share: '%', count: '' }[unit];
  const digits = written.endsWith(sign) ? written.slice(0, written.length - sign.length).trim() : '';
  if (!numberPattern.test(digits)) {
    const example = withSign(written, unit) ?? { perSecond: '1000/s', share: '90%', count: '10' }[unit];
    const what = { perSecond: 'a rate', share: 'a share in percent', count: 'a count' }[unit];
    return { why: `it is ${what}`, hint: `write it as ${example}` };
  }
  const limit = Number(digits);
  if (unit !== 'share') return limit;
  return limit <= 100 ? limit / 100 : { why: 'a share is at most 100%', hint: 'write it as 90%' };
}

/** A bare number with the sign of its unit; one up to 1 may well be meant as a share of 1. Null for what is no such value. */
function withSign(written: string, unit: 'perSecond' | 'share' | 'count'): string | null {
  if (!numberPattern.test(written) || unit === 'count') return null;
  if (unit === 'perSecond') return `${written}/s`;
  const percent = Number(written) <= 1 ? Number((100 * Number(written)).toPrecision(12)) : Number(written);
  return percent <= 100 ? `${percent}%` : null;
}

function fault(rule: string, message: string, hint: string): { fault: Fault } {
  return { fault: { rule, message, hint } };
}
