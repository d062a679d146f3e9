// Takes service times from runs on real servers with the compiled program.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './runner.mjs';
import { table } from './table.mjs';

/** Writes the model `calibrated` from `model` and the runs in the folders, and returns what was found, a value a service time. */
export function calibrate(folders, { model, calibrated }) {
  rmSync(calibrated, { force: true });
  const words = ['calibrate', ...folders, '--model', model, '--out', calibrated, '--json', '--quiet'];
  const program = join(root, 'dist', 'cli', 'main.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`calibrate ended with ${status}: ${stderr.trim()}`);
  return JSON.parse(stdout).parameters.map(({ name, found, meanMs, distribution, variation, residual }) => ({
    name,
    found,
    meanMs,
    distribution,
    variation,
    residual,
  }));
}

/** What was found, as a table in Markdown. */
export function calibrationTable(calibration) {
  return table(['service time', 'found', 'distribution', 'residual'], calibration.map(calibrationRow));
}

function calibrationRow({ name, found, meanMs, distribution, variation, residual }) {
  if (!found) return [name, 'not told', '', ''];
  const shape = variation === null ? (distribution ?? '') : `${distribution} ${variation.toFixed(2)}`;
  const mean = meanMs === null ? '' : `${Number(meanMs.toPrecision(3))} ms`;
  return [name, mean, shape, residual === null ? '' : `${(100 * residual).toFixed(1)} %`];
}
