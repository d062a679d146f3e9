import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { InputError, type Place, type Problem } from '../../kernel/errors.ts';
import { nearestName } from '../../kernel/nearest-name.ts';
import { durationRule, parseDuration } from '../../kernel/time.ts';
import { parseThreshold, type Threshold } from '../../scenario/threshold.ts';
import { type Loss, losses } from './states.ts';

/** What is asked on the command line, as written. */
export interface PlanOptions {
  model: string;
  reads?: string;
  writes?: string;
  readScript?: string;
  writeScript?: string;
  slo: readonly string[];
  survive: readonly string[];
  maxStandbys?: string;
  sessions?: string;
  sessionLifetime?: string;
  databases?: string;
  maxConnections?: string;
  runs?: string;
  seed?: string;
}

/** The same, read. */
export interface PlanQuestion {
  model: string;
  readsPerSecond: number;
  writesPerSecond: number;
  /** What one read and one write do: a script of pgbench's language by its absolute path, or `builtin:…`. */
  scripts: { read: string; write: string };
  thresholds: readonly Threshold[];
  survive: readonly Loss[];
  mostStandbys: number;
  /** Null: as many as Pgpool serves at once. */
  sessions: number | null;
  sessionLifetimeMs: number;
  databases: number;
  maxConnections: number | null;
  /** Simulations of each state that confirm the answer; 0 for none. */
  runs: number;
  seed: number;
}

/** What counts where an option is left out. */
const usual = {
  survive: ['failover', 'standby-loss'],
  standbys: 8,
  sessionLifetimeMs: 30_000,
  runs: 3,
} as const;

const highestRate = 100_000;

/**
 * Reads the question of a plan.
 * @throws InputError with every mistake at once
 */
export function readQuestion(options: PlanOptions): PlanQuestion {
  const reader = new OptionReader();
  const readsPerSecond = reader.rate('reads', options.reads);
  const writesPerSecond = reader.rate('writes', options.writes);
  if (readsPerSecond === 0 && writesPerSecond === 0 && reader.problems.length === 0) {
    const hint = 'give --reads and --writes, for instance --reads 2000/s --writes 200/s';
    reader.refuse('--reads', { message: 'nothing is asked of the cluster: no reads and no writes', hint });
  }
  if (!existsSync(options.model)) {
    const hint = 'name a cluster model, such as models/reference-architecture.yaml';
    reader.refuse(`--model ${options.model}`, { message: `there is no file ${options.model}`, hint });
  }
  const question = {
    model: options.model,
    readsPerSecond,
    writesPerSecond,
    scripts: {
      read: reader.script('read-script', options.readScript) ?? 'builtin:select-only',
      write: reader.script('write-script', options.writeScript) ?? 'builtin:tpcb-like',
    },
    thresholds: reader.thresholds(options.slo, { read: readsPerSecond, write: writesPerSecond }),
    survive: reader.losses(options.survive),
    mostStandbys: reader.count('max-standbys', options.maxStandbys, { least: 1, most: 64 }) ?? usual.standbys,
    sessions: reader.count('sessions', options.sessions, { least: 1, most: 10_000 }),
    sessionLifetimeMs:
      reader.duration('session-lifetime', options.sessionLifetime) ?? usual.sessionLifetimeMs,
    databases: reader.count('databases', options.databases, { least: 1, most: 1000 }) ?? 1,
    maxConnections: reader.count('max-connections', options.maxConnections, { least: 1, most: 262_143 }),
    runs: reader.count('runs', options.runs, { least: 0, most: 100 }) ?? usual.runs,
    seed: reader.count('seed', options.seed, { least: 0, most: 2_147_483_647 }) ?? 1,
  };
  if (reader.problems.length > 0) throw new InputError(reader.problems);
  return question;
}

/** Reads options and keeps every mistake with its place on the command line. */
class OptionReader {
  readonly problems: Problem[] = [];

  refuse(option: string, { message, hint }: { message: string; hint: string }): void {
    const place: Place = { file: option, line: 1, column: 1 };
    this.problems.push({ place, rule: 'plan-option', message, hint });
  }

  /** Operations a second: `2000/s` or `2000`; 0 without the option. */
  rate(name: string, text: string | undefined): number {
    if (text === undefined) return 0;
    const digits = /^\s*(\d+(?:\.\d+)?)\s*(?:\/\s*s)?\s*$/.exec(text)?.[1];
    const perSecond = Number(digits ?? Number.NaN);
    if (perSecond >= 0 && perSecond <= highestRate) return perSecond;
    const message = `"${text}" is no rate: operations a second from 0 to ${highestRate}`;
    this.refuse(`--${name} ${text}`, { message, hint: `write --${name} 2000/s` });
    return Number.NaN;
  }

  /** A script by its file, or a built-in one; null without the option. */
  script(name: string, text: string | undefined): string | null {
    if (text === undefined) return null;
    if (text.startsWith('builtin:')) return text;
    const hint = 'name a file in the language of pgbench, or builtin:select-only, builtin:tpcb-like';
    if (!existsSync(text)) this.refuse(`--${name} ${text}`, { message: `there is no file ${text}`, hint });
    return resolve(text);
  }

  count(
    name: string,
    text: string | undefined,
    { least, most }: { least: number; most: number },
  ): number | null {
    if (text === undefined) return null;
    const count = Number(text);
    if (/^\d+$/.test(text.trim()) && count >= least && count <= most) return count;
    const message = `"${text}" is no whole number from ${least} to ${most}`;
    this.refuse(`--${name} ${text}`, { message, hint: `write --${name} ${Math.max(least, 4)}` });
    return null;
  }

  duration(name: string, text: string | undefined): number | null {
    if (text === undefined) return null;
    const spanMs = parseDuration(text);
    if (spanMs !== undefined && spanMs >= 100) return spanMs;
    const message = `"${text}" is no time of 100ms or more`;
    this.refuse(`--${name} ${text}`, { message, hint: durationRule });
    return null;
  }

  losses(texts: readonly string[]): Loss[] {
    const words = texts.flatMap((text) => text.split(',')).map((word) => word.trim());
    if (words.length === 0) return [...usual.survive];
    if (words.length === 1 && words[0] === 'none') return [];
    const known = Object.keys(losses);
    return words.flatMap((word, index) => {
      if (word === 'pgpool-loss') {
        const message =
          'a cluster with one Pgpool-II does not survive its loss: nobody is served until it is started again';
        this.refuse(`--survive ${word}`, {
          message,
          hint: 'pgdrill simulate with a drill pgpool-loss shows how long',
        });
        return [];
      }
      const found = known.find((name) => name === word);
      if (found === undefined) {
        const near = nearestName(word, known);
        const hint = near ? `did you mean ${near}?` : `known are ${known.join(', ')}, and none alone`;
        this.refuse(`--survive ${word}`, { message: `"${word}" is no loss that a plan knows`, hint });
        return [];
      }
      return words.indexOf(word) === index ? [found as Loss] : [];
    });
  }

  thresholds(texts: readonly string[], perSecond: Record<'read' | 'write', number>): Threshold[] {
    if (texts.length === 0) {
      const hint = "give one at least: --slo 'read.p99 < 20ms'";
      this.refuse('--slo', { message: 'no objective is named, so any cluster would do', hint });
    }
    return texts.flatMap((text) => {
      const place = `--slo '${text}'`;
      const read = parseThreshold(text);
      if ('fault' in read) {
        this.problems.push({ place: { file: place, line: 1, column: 1 }, ...read.fault });
        return [];
      }
      const fault = unanswerable(read.threshold, perSecond);
      if (fault) this.refuse(place, fault);
      return fault ? [] : [read.threshold];
    });
  }
}

/** An objective that no cluster of this load can have or miss. */
function unanswerable(
  { subject, operator, limit, text, metric }: Threshold,
  perSecond: Record<'read' | 'write', number>,
): { message: string; hint: string } | null {
  const className = subject.kind === 'offload' ? 'read' : subject.className;
  if (className !== 'read' && className !== 'write') return null;
  const due = perSecond[className];
  if (due === 0 && (perSecond.read > 0 || perSecond.write > 0)) {
    const message = `"${text}" is about ${className}s, of which none are asked for`;
    return { message, hint: `give --${className}s, or leave the objective out` };
  }
  const wantsMore = operator === '>' || operator === '>=';
  if (subject.kind === 'count' && subject.metric === 'perSecond' && wantsMore && limit > due) {
    const message = `"${text}" cannot be kept: only ${due} ${className}s a second are asked for`;
    return { message, hint: `raise --${className}s, or ask for latencies instead` };
  }
  if (subject.kind !== 'offload' && metric !== `${className}.perSecond` && wantsMore) {
    const message = `"${text}" asks for more of what should be little`;
    return { message, hint: `write ${metric} < …` };
  }
  if (!wantsMore && limit === 0 && operator === '<') {
    return {
      message: `"${text}" cannot be kept: nothing is below 0`,
      hint: `write ${metric} <= 0, or a limit above 0`,
    };
  }
  return null;
}
