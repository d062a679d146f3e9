import type { Place } from '../../kernel/errors.ts';
import type { LintFiles } from './files.ts';

/** One NAME=value of the integration scripts. */
export interface ScriptSetting {
  place: Place;
  /** As written. */
  text: string;
  /** Without quotes. */
  value: string;
}

/**
 * Where the scripts' folder sets a name: in its *.env files, and if it has none in the scripts themselves, outside of
 * functions. Values that are themselves made of variables are left out.
 */
export function scriptSetting(files: LintFiles, name: string): ScriptSetting[] {
  const settings = files.scripts.filter((script) => script.name.endsWith('.env'));
  const pattern = new RegExp(`^(?:export\\s+)?${name}=(["']?)([^"'\\s#$]*)\\1\\s*(?:#.*)?$`);
  return (settings.length > 0 ? settings : files.scripts).flatMap((script) =>
    script.text.split('\n').flatMap((line, index) => {
      const match = pattern.exec(line);
      if (!match) return [];
      const place = { file: script.path, line: index + 1, column: line.indexOf('=') + 2 };
      return [{ place, text: `${name}=${match[2]}`, value: match[2] ?? '' }];
    }),
  );
}
