// Code of the tests that a verification runs outside of them: compiled for itself, beside the state.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './runner.mjs';
import { stateFolder } from './state.mjs';

/**
 * Compiles what a tsconfig in this folder names.
 *
 * @param {{ config: string, name: string, tests: string }} what its config, a name for its folder, and the folder of its tests
 * @returns a hash of the compiled tests, and what imports one of them by its name
 */
export function buildHarness({ config, name, tests }) {
  const folder = join(stateFolder, name);
  rmSync(folder, { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(root, 'scripts', 'verify', config);
  const { status } = spawnSync(process.execPath, [compiler, '-p', project, '--outDir', folder], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error(`the harness ${name} does not build`);
  const built = join(folder, ...tests.split('/'));
  const hash = createHash('sha256');
  for (const file of readdirSync(built).sort()) hash.update(file).update(readFileSync(join(built, file)));
  const load = (module) => import(pathToFileURL(join(built, `${module}.js`)).href);
  return { hash: hash.digest('hex').slice(0, 12), load };
}
