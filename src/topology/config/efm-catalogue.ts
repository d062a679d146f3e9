import { type EfmForm, type EfmRow, efmRows } from './efm-rows.ts';
import { branchOf, compareVersions, valueAt } from './versions.ts';

/** Versions of EDB Failover Manager that the catalogue knows. */
export const efmVersions = [
  ...['3.9', '3.10', '4.0', '4.1', '4.2', '4.3', '4.4', '4.5', '4.6', '4.7', '4.8', '4.9', '4.10'],
  ...['5.0', '5.1', '5.2', '5.3', '5.4'],
] as const;

/** The version that stands for EFM where none is named: the newest published one. */
export const newestEfmVersion = '5.4';

/** A property of efm.properties, in the versions that call it so. */
export interface EfmProperty {
  name: string;
  form: EfmForm;
  /** Value of the installed template by the version that brought it, oldest first; '' where it is blank. */
  defaults: Readonly<Record<string, string>>;
  since: string;
  until: string | null;
  /** Must be equal on all nodes. */
  same: boolean;
  /** A witness reads it too. */
  witness: boolean;
  /** On which nodes the agent does not start without a value. */
  required: 'all' | 'database' | null;
  /** What a script's command line may hold. */
  placeholders: readonly string[];
  min: number;
}

/** Every property of every version, each name once. */
export const efmCatalogue: readonly EfmProperty[] = efmRows.map(propertyOf);

const byName: ReadonlyMap<string, EfmProperty> = new Map(
  efmCatalogue.map((property) => [property.name, property]),
);

/** What became of a name: today's, and the version that brought it. */
export interface EfmRename {
  to: string;
  since: string;
}

/**
 * Old names. The `master` ones are those of 3.9 and 3.10, the rest older still. Source: EDB's release notes of 3.9, 4.0 and 5.0
 * and the cluster properties pages.
 */
export const efmRenames: Readonly<Record<string, EfmRename>> = {
  'stop.isolated.master': { to: 'stop.isolated.primary', since: '4.0' },
  'stop.failed.master': { to: 'stop.failed.primary', since: '4.0' },
  'master.shutdown.as.failure': { to: 'primary.shutdown.as.failure', since: '4.0' },
  'reconfigure.sync.master': { to: 'reconfigure.sync.primary', since: '4.0' },
  'script.master.isolated': { to: 'script.primary.isolated', since: '4.0' },
  'auto.resume.period': { to: 'auto.resume.startup.period', since: '5.0' },
  virtualIp: { to: 'virtual.ip', since: '3.9' },
  'virtualIp.interface': { to: 'virtual.ip.interface', since: '3.9' },
  'virtualIp.prefix': { to: 'virtual.ip.prefix', since: '3.9' },
  'virtualIp.single': { to: 'virtual.ip.single', since: '3.9' },
  'db.recovery.dir': { to: 'db.data.dir', since: '3.9' },
};

/** The property as a version has it; undefined for a name that this version does not know. */
export function efmProperty(name: string, version: string): EfmProperty | undefined {
  const property = byName.get(name);
  if (!property) return undefined;
  const branch = branchOf(version);
  const came = compareVersions(property.since, branch) <= 0;
  const gone = property.until !== null && compareVersions(branch, property.until) > 0;
  return came && !gone ? property : undefined;
}

/** What a version calls a property of this name, or of an old name of it; undefined for one that the version does not have. */
export function efmNameIn(name: string, version: string): string | undefined {
  if (efmProperty(name, version)) return name;
  return Object.entries(efmRenames).find(([from, { to }]) => to === name && efmProperty(from, version))?.[0];
}

/** Value that a property has when it is not written; '' for one without, undefined for a name the version does not know. */
export function efmDefaultOf(name: string, version: string): string | undefined {
  const property = efmProperty(name, version);
  return property && valueAt(property.defaults, version);
}

function propertyOf([name, form, standard, extra = {}]: EfmRow): EfmProperty {
  return {
    name,
    form,
    defaults: typeof standard === 'string' ? { [extra.since ?? '3.9']: standard } : standard,
    since: extra.since ?? '3.9',
    until: extra.until ?? null,
    same: extra.same ?? false,
    witness: extra.witness ?? extra.required === 'all',
    required: extra.required ?? null,
    placeholders: extra.placeholders?.split(' ') ?? [],
    min: extra.min ?? 0,
  };
}
