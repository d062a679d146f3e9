/** Inverse of a small positive definite matrix, by Gauss-Jordan on its correlation form; undefined when it has none. */
export function inverseOf(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const size = matrix.length;
  const scale = matrix.map((line, i) => 1 / Math.sqrt(line[i] ?? 0));
  const work = matrix.map((line, i) => [
    ...line.map((value, j) => value * (scale[i] ?? 0) * (scale[j] ?? 0)),
    ...Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
  ]);
  for (let column = 0; column < size; column += 1) {
    const pivot = work[column];
    const value = pivot?.[column] ?? 0;
    if (!pivot || !(Math.abs(value) > 1e-14)) return undefined;
    for (const [j, entry] of pivot.entries()) pivot[j] = entry / value;
    for (const [i, line] of work.entries()) {
      const factor = line[column] ?? 0;
      if (i === column || factor === 0) continue;
      for (const [j, entry] of pivot.entries()) line[j] = (line[j] ?? 0) - factor * entry;
    }
  }
  return work.map((line, i) => line.slice(size).map((value, j) => value * (scale[i] ?? 0) * (scale[j] ?? 0)));
}
