// What has been measured so far: results/verify/state.json.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from './runner.mjs';

export const stateFolder = join(root, 'results', 'verify');
const file = join(stateFolder, 'state.json');

export function readState() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { schema: 'pgdrill/verify@1', parts: {} };
  }
}

export function writeState(state) {
  mkdirSync(stateFolder, { recursive: true });
  writeFileSync(file, `${JSON.stringify(state, null, 2)}\n`);
}

/** What is verified: commit, whether files differ from it, and a hash of everything that a run is made of. */
export function programOf() {
  const git = (...words) =>
    execFileSync('git', ['--no-optional-locks', '-C', root, ...words], { encoding: 'utf8' }).trim();
  const hash = createHash('sha256');
  for (const folder of ['dist', 'scripts/efm', 'workloads', 'models'])
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort())
      if (/[.](js|sh|yaml|sql)$/.test(name)) hash.update(name).update(readFileSync(join(root, folder, name)));
  const about = { hash: hash.digest('hex').slice(0, 12), node: process.versions.node };
  about.machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'scripts/efm', 'workloads', 'models');
    return { ...about, commit: git('rev-parse', 'HEAD').slice(0, 12), changed: changed !== '' };
  } catch {
    return { ...about, commit: null, changed: false };
  }
}

/** Parts that another program was measured with are not this one's: they are forgotten. */
export function dropOtherPrograms(state, { hash }) {
  for (const [name, part] of Object.entries(state.parts))
    if (part.program.hash !== hash) delete state.parts[name];
  return state;
}

/**
 * The part of a state, begun now if it was not before.
 * @param harness hash of the tests that it is measured with, if it is: a part of others is begun anew
 */
export function partOf(state, name, program, harness) {
  if (harness !== undefined && state.parts[name]?.harness !== harness) delete state.parts[name];
  state.parts[name] ??= { program, startedAt: new Date().toISOString(), runs: [], failures: [], harness };
  return state.parts[name];
}
