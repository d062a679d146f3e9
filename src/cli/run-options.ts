import { InvalidArgumentError, Option } from 'commander';
import { isoNow } from '../kernel/clock.ts';
import type { Assignment } from '../scenario/set.ts';

/** A new folder under results/, named by the instant, the scenario and what was done with it. */
export function defaultFolder(scenario: string, what: string): string {
  const stamp = isoNow().replace(/[-:]/g, '').replace(/\..*/, '').replace('T', '-');
  const name = scenario.replace(/^.*\//, '').replace(/\.ya?ml$/, '');
  return `results/${stamp}-${name}-${what}`;
}

/** A seed, as every generator of this program takes it. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0 && seed <= 2147483647) return seed;
  throw new InvalidArgumentError(`a seed is a whole number from 0 to 2147483647, got "${text}"`);
}

/** `--threshold`: of every command that runs a scenario. */
export function thresholdOption(): Option {
  return new Option(
    '--threshold <text>',
    "judge the run by this too, such as 'read.p99 < 20ms'; may be given again",
  )
    .argParser(collect)
    .default([], "the scenario's");
}

/** `--set PATH=VALUE`: single values of one run. */
export function setOption(): Option {
  return new Option(
    '--set <path=value>',
    'a value instead of the one in the scenario, or behind model. in its model; may be given again',
  )
    .argParser(addAssignment)
    .default([], "the files' own");
}

/** Gathers the values of an option that may be given again. */
export function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/** Gathers values of `--set PATH=VALUE`. */
function addAssignment(text: string, before: Assignment[]): Assignment[] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError(`PATH=VALUE, such as load.sessions=40, got "${text}"`);
  return [...before, { path: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() }];
}

/** A whole number above 0. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count;
  throw new InvalidArgumentError(`a whole number from 1 to 10000, got "${text}"`);
}

/** A share in percent, as 0..1. */
export function parseShare(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  const share = percent === undefined ? Number.NaN : Number(percent) / 100;
  if (share > 0 && share < 1) return share;
  throw new InvalidArgumentError(`a share such as 2%, between 0 and 100 %, got "${text}"`);
}
