import { existsSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { isoNow } from '../kernel/clock.ts';
import type { Assignment } from '../scenario/set.ts';

/** A new folder under results/, named by the second, the scenario and what was done with it; numbered where that is there already. */
export function defaultFolder(scenario: string, what: string): string {
  const stamp = isoNow().replace(/[-:]/g, '').replace(/\..*/, '').replace('T', '-');
  const name = scenario.replace(/^.*\//, '').replace(/\.ya?ml$/, '');
  const folder = `results/${stamp}-${name}-${what}`;
  let free = folder;
  for (let number = 2; existsSync(free); number += 1) free = `${folder}-${number}`;
  return free;
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

/** A parser of whole numbers within bounds. @param what begins the message */
export function wholeNumber(
  { least, most }: { least: number; most: number },
  what = 'a whole number',
): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (Number.isInteger(count) && count >= least && count <= most) return count;
    throw new InvalidArgumentError(`${what} from ${least} to ${most}, got "${text}"`);
  };
}

/** A number of runs or the like. */
export const parseCount = wholeNumber({ least: 1, most: 10_000 });

/** A seed, as every generator of this program takes it. */
export const parseSeed = wholeNumber({ least: 0, most: 2_147_483_647 }, 'a seed is a whole number');

/** A share in percent, as 0..1. */
export function parseShare(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  const share = percent === undefined ? Number.NaN : Number(percent) / 100;
  if (share > 0 && share < 1) return share;
  throw new InvalidArgumentError(`a share such as 2%, between 0 and 100 %, got "${text}"`);
}
