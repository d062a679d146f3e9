import type { ScriptPlaceholders } from '../roles/host.ts';
import type { EfmGeneration } from '../topology/efm-properties.ts';

/**
 * The program and arguments of a hook's command line, its placeholders replaced: `%h` node, `%t` type, `%p` new primary,
 * `%f` failed primary, empty when there is none. EFM 3.9 writes the type of a primary as `m`.
 */
export function scriptLine(
  line: string,
  placeholders: ScriptPlaceholders,
  generation: EfmGeneration,
): { file: string; args: string[] } {
  const { h = '', t = '', p = '', f = '' } = placeholders;
  const type = t === 'p' && generation === '3.9' ? 'm' : t;
  const values: Record<string, string> = { h, t: type, p, f };
  const [file = '', ...words] = line.split(/\s+/);
  const args = words.map((word) => word.replace(/%([htpf])/g, (_, letter: string) => values[letter] ?? ''));
  return { file, args };
}
