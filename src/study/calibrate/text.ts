import { textTable, wrapText } from '../../report/text-table.ts';
import type { ServiceTimeEdit } from '../../scenario/model-edit.ts';
import type { ServiceTimes } from '../../scenario/model-shape.ts';
import type { Parameter } from './parameter.ts';
import type { Shape } from './shape.ts';

/** A calibration as `--json` prints it; times in ms. */
export interface CalibrationResult {
  schema: 'pgdrill/calibration@1';
  runs: string[];
  parameters: {
    name: string;
    found: boolean;
    meanMs: number | null;
    variation: number | null;
    distribution: string | null;
    quantilesMs: number[] | null;
    bytes: number | null;
    residual: number | null;
    evidence: string;
    before: { meanMs: number | null; bytes: number | null };
  }[];
}

/** Describes a calibration beside what the model had. */
export function resultOf(
  runs: readonly string[],
  parameters: readonly Parameter[],
  known: ServiceTimes,
): CalibrationResult {
  return {
    schema: 'pgdrill/calibration@1',
    runs: [...runs],
    parameters: parameters.map(({ name, found, residual, evidence }) => {
      const time = found && 'meanMs' in found ? found : null;
      const { distribution = null, variation = null, quantiles = null } = time ? partsOf(time.shape) : {};
      const before = known[name];
      return {
        name,
        found: found !== null,
        meanMs: time?.meanMs ?? null,
        variation,
        distribution,
        quantilesMs: quantiles,
        bytes: found && 'bytes' in found ? found.bytes : null,
        residual,
        evidence,
        before: {
          meanMs: before && 'mean' in before ? before.mean : null,
          bytes: before && 'bytes' in before ? before.bytes : null,
        },
      };
    }),
  };
}

function partsOf(shape: Shape): { distribution: string; variation?: number; quantiles?: number[] } {
  return shape;
}

/** What the model file gets: found values with their source, and a mark at those that stay. */
export function editsOf(
  runs: readonly string[],
  parameters: readonly Parameter[],
  known: ServiceTimes,
): ServiceTimeEdit[] {
  const from = runs.join(', ');
  return parameters.flatMap(({ name, found, residual, evidence }): ServiceTimeEdit[] => {
    if (!found) {
      const before = known[name]?.source;
      if (before === undefined) return [];
      const kept = before.replace(/^not calibrated \(.*?\), as before: /, '');
      return [{ name, value: null, source: `not calibrated (${evidence}), as before: ${kept}` }];
    }
    const missed = residual === null ? '' : `, residual ${percent(residual)}`;
    const source = `calibrated from ${from}: ${evidence}${missed}`;
    if ('bytes' in found) return [{ name, value: { bytes: found.bytes }, source }];
    const { meanMs, shape } = found;
    const value =
      shape.distribution === 'empirical'
        ? { quantilesMs: shape.quantiles }
        : { meanMs, variation: shape.variation, distribution: shape.distribution };
    return [{ name, value, source }];
  });
}

/** The calibration for people: what was found, and what was not and why. */
export function calibrationText({ runs, parameters }: CalibrationResult): string {
  const found = parameters.filter((entry) => entry.found);
  const rows = found.map(({ name, meanMs, bytes, variation, distribution, residual, before }) => [
    name,
    bytes === null ? span(meanMs) : `${Math.round(bytes)} bytes`,
    bytes === null ? `${distribution ?? ''}${variation === null ? '' : ` ${variation.toFixed(2)}`}` : '',
    residual === null ? '-' : percent(residual),
    before.bytes === null ? span(before.meanMs) : `${before.bytes} bytes`,
  ]);
  const lines = [
    `CALIBRATED FROM ${runs.join(', ')}`,
    ...textTable([['service time', 'mean', 'distribution', 'residual', 'before'], ...rows]),
    '',
    ...found.flatMap(evidenceLine),
  ];
  const left = parameters.filter((entry) => !entry.found);
  if (left.length > 0)
    lines.push('', 'NOT TOLD BY THESE RUNS, kept as it was', ...left.flatMap(evidenceLine));
  return lines.join('\n');
}

function evidenceLine({ name, evidence }: { name: string; evidence: string }): string[] {
  return wrapText(`${name}: ${evidence}`, { indent: 2, hanging: 4 });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function span(ms: number | null): string {
  return ms === null ? '-' : `${Number(ms.toPrecision(3))} ms`;
}
