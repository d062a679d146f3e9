import type { Axis, Scaling, SweepCell } from './sweep-result.ts';
import { fitUsl, refusalOf } from './usl.ts';

/** Share of the due reads below which nothing was left undone: what was offered was the limit. */
const metShare = 0.01;

/** Axes along which throughput scales: the number of standbys and those of sessions. */
export function isScale({ path, values }: Axis): boolean {
  const scales = path === 'standbys' || /(^|\.)sessions$/.test(path);
  return scales && values.length > 1 && values.every((value) => Number(value) > 0);
}

/** One curve for each such axis and each combination of the other axes. */
export function scalingsOf(axes: readonly Axis[], cells: readonly SweepCell[]): Scaling[] {
  return axes.filter(isScale).flatMap(({ path }) => {
    const others = axes.filter((axis) => axis.path !== path && axis.values.length > 1);
    const groups = new Map<string, { at: Record<string, string>; cells: SweepCell[] }>();
    for (const cell of cells) {
      const at = Object.fromEntries(others.map((axis) => [axis.path, cell.set[axis.path] ?? '']));
      const key = JSON.stringify(at);
      groups.set(key, { at, cells: [...(groups.get(key)?.cells ?? []), cell] });
    }
    return [...groups.values()].map(({ at, cells: group }) => ({ path, at, ...pointsAlong(path, group) }));
  });
}

function pointsAlong(path: string, group: readonly SweepCell[]): Omit<Scaling, 'path' | 'at'> {
  const measured = group.filter(({ estimates }) => estimates['read.perSecond']);
  const points = measured
    .map((cell) => ({
      n: Number(cell.set[path]),
      throughput: cell.estimates['read.perSecond']?.mean ?? 0,
    }))
    .toSorted((first, second) => first.n - second.n);
  const refusal = refusalOf(points);
  const met = measured.filter(
    ({ isOpen, estimates }) => isOpen && (estimates['read.notOkShare']?.mean ?? 0) < metShare,
  );
  return {
    points,
    fit: refusal === null ? fitUsl(points) : null,
    refusal,
    caution: met.length === 0 ? null : cautionOf(path, met, measured.length),
  };
}

/** Where all that was offered was answered, throughput is the load. */
function cautionOf(path: string, met: readonly SweepCell[], all: number): string {
  const where =
    met.length === all
      ? 'every cell'
      : `the cells with ${path} ${met.map(({ set }) => set[path]).join(', ')}`;
  return `in ${where} all that was offered was answered: there throughput is the load, not the capacity; offer more, or use closed sessions`;
}
