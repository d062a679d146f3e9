import type { Problem } from '../../kernel/errors.ts';
import { nearestName } from '../../kernel/nearest-name.ts';
import type { SettingProblem } from './check-efm.ts';
import { type ConfigDocument, type ConfigEntry, placeOf } from './document.ts';
import { existsIn, pgpoolCatalogue, pgpoolName, pgpoolRenames } from './pgpool-catalogue.ts';
import { pgpoolValueRule } from './pgpool-values.ts';
import { branchOf, compareVersions } from './versions.ts';

/** Backends, watchdog nodes or heartbeat links that Pgpool has room for (MAX_NUM_BACKENDS). */
const mostIndexes = 128;

/**
 * What is wrong with the names and values of a pgpool.conf, each at its place: names that this version ignores (unknown,
 * renamed, of another version), names whose number is missing or wrong, values that it refuses or misreads, names set twice
 * in one file (that one file overrides another is what includes are for).
 * What could not be read at all comes first.
 */
export function checkPgpoolDocument(document: ConfigDocument, { version }: { version: string }): Problem[] {
  const problems: Problem[] = [...document.problems];
  const unread = new Set(document.problems.map(({ place }) => `${place?.file}:${place?.line}`));
  const seen = new Map<string, ConfigEntry>();
  for (const entry of document.entries) {
    for (const { part, ...problem } of checkPgpoolSetting(entry, version)) {
      if (part === 'value' && unread.has(`${entry.file}:${entry.line}`)) continue;
      problems.push({ place: placeOf(entry, part), ...problem });
    }
    const earlier = seen.get(entry.name);
    if (earlier?.file === entry.file) {
      const message = `${entry.name} is set in line ${earlier.line} already; this one counts`;
      problems.push({ place: placeOf(entry, 'name'), rule: 'pgpool-setting-twice', message });
    }
    seen.set(entry.name, entry);
  }
  return problems;
}

/** What is wrong with one setting, written in a file or inline in a model. */
export function checkPgpoolSetting(
  { name, value }: { name: string; value: string },
  version: string,
): SettingProblem[] {
  const renamed = pgpoolRenames[name];
  const found = pgpoolName(name, version);
  if (!found || (renamed?.old === 'warns' && compareVersions(version, renamed.since ?? '4.0') >= 0))
    return [ignoredName(name, version)];
  const { parameter, index, wrongIndex } = found;
  if (wrongIndex !== null) return [indexProblem(name, `"${wrongIndex}" is no number`)];
  if (parameter.index !== null && index === null && !parameter.alone)
    return [indexProblem(name, `write ${name}0, ${name}1 …`)];
  if (index !== null && index >= mostIndexes)
    return [indexProblem(name, `numbers go from 0 to ${mostIndexes - 1}`)];
  const units = compareVersions(branchOf(version), '4.2') >= 0;
  const rule = pgpoolValueRule(parameter, value, { units, lone: parameter.alone && index === null });
  return rule === null
    ? []
    : [{ part: 'value', rule: 'pgpool-setting-value', message: `${name} is ${rule}, got "${value}"` }];
}

/** Pgpool does not start with such a name. */
function indexProblem(name: string, hint: string): SettingProblem {
  const message = `Pgpool refuses "${name}": the setting carries the number of a backend or node`;
  return { part: 'name', rule: 'pgpool-setting-index', message, hint };
}

/** A name that this version does not act upon; Pgpool says nothing, or warns where an old name is kept. */
function ignoredName(name: string, version: string): SettingProblem {
  const base = name.replace(/\d+$/, '');
  const number = name.slice(base.length);
  const renamed = pgpoolRenames[base];
  if (renamed && (renamed.since === null || compareVersions(version, renamed.since) >= 0)) {
    const since = renamed.since === null ? 'its name is' : `since ${renamed.since} it is`;
    const message = `Pgpool-II ${version} ignores "${name}": ${since} ${renamed.to}${number}`;
    const rule = renamed.since === null ? 'pgpool-setting-name' : 'pgpool-setting-renamed';
    return { part: 'name', rule, message, hint: renamed.hint ?? `write ${renamed.to}${number}` };
  }
  const old = Object.entries(pgpoolRenames).find(
    ([from, { to, since }]) => to === base && since !== null && pgpoolName(from, version),
  );
  if (old) {
    const message = `Pgpool-II ${version} ignores "${name}": that name came with ${old[1].since}`;
    const hint = `its name in ${branchOf(version)} is ${old[0]}${number}`;
    return { part: 'name', rule: 'pgpool-setting-renamed', message, hint };
  }
  const elsewhere = pgpoolCatalogue.find((parameter) => parameter.name === name || parameter.name === base);
  if (elsewhere) {
    const until = elsewhere.until;
    const past = until !== null && compareVersions(branchOf(version), until) > 0;
    const when = past ? `${until} was the last with it` : `it came with ${elsewhere.since.join(', ')}`;
    const message = `Pgpool-II ${version} ignores "${name}": ${when}`;
    return { part: 'name', rule: 'pgpool-setting-version', message };
  }
  const known = pgpoolCatalogue
    .filter((parameter) => existsIn(parameter, version))
    .map((entry) => entry.name);
  const near = nearestName(base, known);
  const message = `Pgpool-II ${version} has no setting "${name}" and ignores it`;
  const hint = near ? { hint: `did you mean ${near}?` } : {};
  return { part: 'name', rule: 'pgpool-setting-name', message, ...hint };
}
