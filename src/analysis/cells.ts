import type { FigureKind, RunFigures } from './run-figures.ts';
import { scalingsOf } from './scaling.ts';
import { replications } from './statistics.ts';
import type { Axis, CellRun, Estimate, Precision, SweepCell, SweepResult } from './sweep-result.ts';

/** A cell as it was run. */
export interface RawCell
  extends Pick<SweepCell, 'set' | 'planHash' | 'folder' | 'isOpen' | 'state' | 'failures' | 'runs'> {
  kinds: readonly FigureKind[];
}

/** Works out what the runs of all cells come to. */
export function compareCells(
  raw: readonly RawCell[],
  { axes, wanted }: { axes: readonly Axis[]; wanted: number | null },
): Pick<SweepResult, 'axes' | 'figures' | 'cells' | 'scaling'> {
  const figures = unionOf(raw.flatMap(({ kinds }) => kinds));
  const [first] = raw;
  const cells = raw.map(({ kinds: _kinds, ...cell }, index): SweepCell => {
    const isBase = index === 0 || !first || first.runs.length === 0;
    const { set, planHash, folder, isOpen, state, failures, runs } = cell;
    return {
      number: index + 1,
      set,
      planHash,
      folder,
      isOpen,
      state,
      failures,
      runs,
      estimates: estimatesOf(
        figures,
        runs.map((run) => run.figures),
      ),
      predicted: predictedOf(figures, runs),
      differences: isBase ? null : differencesOf(figures, first.runs, runs),
      precision: wanted === null ? null : precisionOf(runs, wanted),
    };
  });
  return { axes, figures, cells, scaling: scalingsOf(axes, cells) };
}

/**
 * Whether the runs are enough: the 95 % interval of each class's throughput and p99 is within the wanted share of its mean. A figure
 * that no run measured asks for nothing.
 */
export function precisionOf(runs: readonly CellRun[], wanted: number): Precision {
  const names = Object.keys(runs[0]?.figures ?? {}).filter((name) => /\.(perSecond|p99)$/.test(name));
  let loosest: Precision['loosest'] = null;
  for (const figure of names) {
    const estimate = estimateOf(runs.map(({ figures }) => figures[figure]));
    if (estimate?.halfWidth == null || estimate.halfWidth === 0) continue;
    const share = estimate.mean === 0 ? Number.MAX_VALUE : estimate.halfWidth / Math.abs(estimate.mean);
    if (!loosest || share > loosest.share) loosest = { figure, share };
  }
  return { wanted, reached: runs.length > 1 && (loosest?.share ?? 0) <= wanted, loosest };
}

function estimatesOf(kinds: readonly FigureKind[], runs: readonly RunFigures[]): SweepCell['estimates'] {
  return Object.fromEntries(
    kinds.map(({ name }) => [name, estimateOf(runs.map((figures) => figures[name]))]),
  );
}

function predictedOf(kinds: readonly FigureKind[], runs: readonly CellRun[]): SweepCell['predicted'] {
  const predicted = runs.map((run) => run.predicted).filter((figures) => figures !== null);
  return predicted.length === 0 ? null : estimatesOf(kinds, predicted);
}

/** Differences of runs with the same seed: what chance does to both alike cancels out. */
function differencesOf(
  kinds: readonly FigureKind[],
  base: readonly CellRun[],
  runs: readonly CellRun[],
): Record<string, Estimate | null> {
  return Object.fromEntries(
    kinds.map(({ name }) => {
      const values = runs.map(({ seed, figures }) => {
        const own = figures[name];
        const other = base.find((run) => run.seed === seed)?.figures[name];
        return own == null || other == null ? null : own - other;
      });
      return [name, estimateOf(values)];
    }),
  );
}

function estimateOf(values: readonly (number | null | undefined)[]): Estimate | null {
  const measured = values.filter((value) => value != null);
  if (measured.length === 0) return null;
  const { mean, halfWidth } = replications(measured);
  return { mean, halfWidth: Number.isFinite(halfWidth) ? halfWidth : null, runs: measured.length };
}

/** Every figure once; those of servers stand together, by name, though some cells have more servers than others. */
function unionOf(kinds: readonly FigureKind[]): FigureKind[] {
  const byName = new Map<string, FigureKind>();
  for (const kind of kinds) if (!byName.has(kind.name)) byName.set(kind.name, kind);
  const all = [...byName.values()];
  const groupOf = ({ name }: FigureKind): string => /^(share|busy)\./.exec(name)?.[1] ?? name;
  const groups = [...new Set(all.map(groupOf))];
  const order = new Intl.Collator('en', { numeric: true });
  return all.toSorted((first, second) => {
    const [one, other] = [groupOf(first), groupOf(second)];
    if (one !== other) return groups.indexOf(one) - groups.indexOf(other);
    return order.compare(first.name, second.name);
  });
}
