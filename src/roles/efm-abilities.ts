import type { EfmSettings } from '../topology/efm-properties.ts';
import type { ScriptHook } from './host.ts';

/** Whether an EFM of the user's version has what came with version `since` (`5.0`). */
export function hasSince({ version }: Pick<EfmSettings, 'version'>, since: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number);
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

/** A hook has something to run: its command line, or EFM's own way to Pgpool in place of the load balancer scripts. */
export function hasHook({ hooks, nativePgpool }: EfmSettings, hook: ScriptHook): boolean {
  return hooks[hook] !== undefined || (nativePgpool && hook.startsWith('script.load.balancer'));
}
