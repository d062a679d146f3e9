import { at, type ConfigFile, efmName, isWitness, told } from './files.ts';
import type { Rule } from './rule.ts';

/** A check with one hit at a setting of each pgpool.conf where `wrong` says so. */
export function eachPgpool(name: string, wrong: (file: ConfigFile) => boolean): Rule['check'] {
  return ({ pgpool }) =>
    pgpool.filter(wrong).map((file) => ({ place: at(file, name), message: told(file, name) }));
}

/**
 * A check with one hit at a property of each agent where `wrong` says so.
 * @param name as in 4.x; `wrong` gets it in the file's dialect
 * @param options.witness whether witnesses are looked at too
 */
export function eachAgent(
  name: string,
  wrong: (file: ConfigFile, name: string) => boolean,
  options: { witness?: boolean } = {},
): Rule['check'] {
  return ({ efm }) =>
    efm
      .filter((file) => options.witness || !isWitness(file))
      .map((file) => ({ file, own: efmName(file, name) }))
      .filter(({ file, own }) => wrong(file, own))
      .map(({ file, own }) => ({ place: at(file, own), message: told(file, own) }));
}
