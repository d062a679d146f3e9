import type { ConfigDocument } from './document.ts';
import { efmProperty, efmVersions, newestEfmVersion } from './efm-catalogue.ts';
import { pgpoolName, pgpoolRenames, pgpoolVersions, usualPgpoolVersion } from './pgpool-catalogue.ts';
import { branchOf } from './versions.ts';

/** A version told by the names in a file. */
export interface VersionGuess {
  version: string;
  /** Names that decided it, with the versions that know them; empty when every version knows all names. */
  evidence: readonly string[];
  /** Names that no version knows together with the others, so that the guess is weak. */
  against: readonly string[];
}

/** The newest version of EFM that knows most of the file's names. */
export function guessEfmVersion(document: ConfigDocument): VersionGuess {
  return efmVersionOf(document.entries.map(({ name }) => name));
}

/** The newest version of EFM that knows most of the names. */
export function efmVersionOf(names: readonly string[]): VersionGuess {
  const knows = (name: string, version: string): boolean => efmProperty(name, version) !== undefined;
  return guess(names, { versions: efmVersions, standing: newestEfmVersion, knows });
}

/**
 * The line of Pgpool-II that knows most of the file's names. Of several, the one that knows most of the names that stand in
 * comments as `#name = value`, since files come from the sample, where every setting of its line does; then the one in
 * `usualPgpoolVersion`, else the oldest that knows them, and the newest where no comment tells.
 */
export function guessPgpoolVersion(document: ConfigDocument): VersionGuess {
  const knows = (name: string, version: string): boolean => {
    const found = pgpoolName(name, version);
    if (found === undefined || found.wrongIndex !== null || pgpoolRenames[name]?.old === 'warns')
      return false;
    return found.index !== null || found.parameter.index === null || found.parameter.alone;
  };
  const standing = branchOf(usualPgpoolVersion);
  const names = document.entries.map(({ name }) => name);
  const line = guess(names, { versions: pgpoolVersions, standing, knows, sample: sampleNames(document) });
  return line.version === branchOf(usualPgpoolVersion) ? { ...line, version: usualPgpoolVersion } : line;
}

/** Names of the commented-out settings, `#port = 9999`. */
function sampleNames({ lines }: ConfigDocument): string[] {
  return lines.flatMap((line) => /^#\s?([A-Za-z]\w*)\s*=/.exec(line)?.[1] ?? []);
}

interface Dialects {
  versions: readonly string[];
  /** The version to take when others fit as well. */
  standing: string;
  knows(name: string, version: string): boolean;
  /** Names that the file only shows, to decide between versions that know as many of its own. */
  sample?: readonly string[];
}

function guess(names: readonly string[], { versions, standing, knows, sample = [] }: Dialects): VersionGuess {
  const dated = (some: readonly string[]): DatedName[] =>
    [...new Set(some)]
      .map((name) => ({ name, known: versions.filter((version) => knows(name, version)) }))
      .filter(({ known }) => known.length > 0 && known.length < versions.length);
  const [written, shown] = [dated(names), dated(sample)];
  const best = bestOf(bestOf(versions, written), shown);
  // A sample shows all that its line has: a later line would have shown more.
  const usual = shown.some(({ known }) => best.some((version) => known.includes(version)))
    ? best[0]
    : best.at(-1);
  const version = best.includes(standing) ? standing : (usual ?? standing);
  const fits = ({ known }: DatedName): boolean => known.includes(version);
  const onlyShown = shown.filter(fits).map((name) => `${described(name)} in a comment`);
  return {
    version,
    evidence: [...written.filter(fits).map(described), ...onlyShown],
    against: written.filter((name) => !fits(name)).map(described),
  };
}

/** A name that not every version knows, and those that do. */
interface DatedName {
  name: string;
  known: readonly string[];
}

/** The versions that know most of the names. */
function bestOf(versions: readonly string[], names: readonly DatedName[]): string[] {
  const count = (version: string): number => names.filter(({ known }) => known.includes(version)).length;
  const most = Math.max(...versions.map(count));
  return versions.filter((version) => count(version) === most);
}

function described({ name, known }: DatedName): string {
  return `${name} (${known.length === 1 ? known[0] : `${known[0]} to ${known.at(-1)}`})`;
}
