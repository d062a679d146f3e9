import type { Problem } from '../../kernel/errors.ts';
import { nearestName } from '../../kernel/nearest-name.ts';
import { type ConfigDocument, type ConfigEntry, placeOf } from './document.ts';
import type { EfmProperty } from './efm-catalogue.ts';
import { efmCatalogue, efmNameIn, efmProperty, efmRenames } from './efm-catalogue.ts';
import { compareVersions } from './versions.ts';

/** A problem of one setting that does not know its place yet, and whether it is about the name or the value. */
export interface SettingProblem extends Problem {
  part: 'name' | 'value';
}

/**
 * What is wrong with the names and values of an efm.properties file, each at its place: unknown, renamed and removed names,
 * names of a later version, values of the wrong form, names written twice. What could not be read at all comes first.
 */
export function checkEfmDocument(document: ConfigDocument, { version }: { version: string }): Problem[] {
  const problems: Problem[] = [...document.problems];
  const seen = new Map<string, ConfigEntry>();
  for (const entry of document.entries) {
    for (const { part, ...problem } of checkEfmProperty(entry, version))
      problems.push({ place: placeOf(entry, part), ...problem });
    const earlier = seen.get(entry.name);
    if (earlier) {
      const message = `${entry.name} is set in line ${earlier.line} already; this one counts`;
      problems.push({ place: placeOf(entry, 'name'), rule: 'efm-property-twice', message });
    }
    seen.set(entry.name, entry);
  }
  return problems;
}

/** What is wrong with one property, written in a file or inline in a model. */
export function checkEfmProperty(
  { name, value }: { name: string; value: string },
  version: string,
): SettingProblem[] {
  const property = efmProperty(name, version);
  if (!property) return [unknownName(name, version)];
  const wrong = value === '' ? blankRule(property) : formRule(property, value);
  if (!wrong) return [];
  const message = `${name} is ${wrong}, got "${value}"`;
  return [{ part: 'value', rule: 'efm-property-value', message }];
}

function unknownName(name: string, version: string): SettingProblem {
  const renamed = efmRenames[name];
  if (renamed && compareVersions(version, renamed.since) >= 0) {
    const message = `EFM ${version} does not know "${name}": it is ${renamed.to} since ${renamed.since}`;
    return { part: 'name', rule: 'efm-property-renamed', message, hint: `write ${renamed.to}` };
  }
  const old = efmNameIn(name, version);
  const later = efmCatalogue.find((property) => property.name === name);
  if (old) {
    const message = `EFM ${version} does not know "${name}" yet: it came with ${efmRenames[old]?.since}`;
    return { part: 'name', rule: 'efm-property-renamed', message, hint: `its name in ${version} is ${old}` };
  }
  if (later) {
    const message =
      later.until !== null && compareVersions(version, later.until) > 0
        ? `EFM ${version} does not know "${name}": ${later.until} was the last version with it`
        : `EFM ${version} does not know "${name}" yet: it came with ${later.since}`;
    return { part: 'name', rule: 'efm-property-version', message };
  }
  const known = efmCatalogue
    .filter((property) => efmProperty(property.name, version))
    .map((entry) => entry.name);
  const near = nearestName(name, known);
  const message = `"${name}" is not known to EFM ${version}`;
  return {
    part: 'name',
    rule: 'efm-property-name',
    message,
    ...(near ? { hint: `did you mean ${near}?` } : {}),
  };
}

/** A blank value is no value: the default counts, where there is one. */
function blankRule({ required }: EfmProperty): string | null {
  if (required === null) return null;
  return required === 'all' ? 'required on every node' : 'required on a node with a database';
}

/** What the value ought to be; null when it is that. */
function formRule(property: EfmProperty, value: string): string | null {
  const { form } = property;
  if (/^(["']).*\1$/.test(value)) return 'written without quotes';
  if (typeof form !== 'string') return form.includes(value) ? null : `one of ${form.join(', ')}`;
  switch (form) {
    case 'boolean':
      return value === 'true' || value === 'false' ? null : 'true or false';
    case 'seconds':
      if (!/^\d+$/.test(value)) return 'a whole number of seconds';
      return Number(value) < property.min ? `at least ${property.min} second` : null;
    case 'integer':
      return /^\d+$/.test(value) ? null : 'a whole number';
    case 'port':
      return isPort(value) ? null : 'a port, 1 to 65535';
    case 'endpoint': {
      const found = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d+)$/.exec(value);
      return found && isPort(found[2] ?? '') ? null : 'address:port, such as 192.0.2.11:7800';
    }
    case 'address':
      return /^[A-Za-z0-9._:-]+$/.test(value) ? null : 'an address or a host name';
    case 'path':
      return value.startsWith('/') ? null : 'an absolute path';
    case 'script':
      return scriptRule(property, value);
    default:
      return null;
  }
}

function scriptRule({ placeholders }: EfmProperty, value: string): string | null {
  if (!value.startsWith('/')) return 'a command that starts with an absolute path';
  const unknown = value.match(/%\S/g)?.find((found) => !placeholders.includes(found));
  if (unknown === undefined) return null;
  const known =
    placeholders.length === 0 ? 'without placeholders' : `with no placeholder but ${placeholders.join(', ')}`;
  return `a command ${known}`;
}

function isPort(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;
}
