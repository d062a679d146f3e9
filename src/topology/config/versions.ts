/**
 * Compares two version numbers part by part; a part that is missing stands for 0.
 * @returns below 0 when `a` is older, above 0 when it is newer, 0 when they are the same
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The release line of a version: `4.3` of `4.3.5`. */
export function branchOf(version: string): string {
  return partsOf(version).slice(0, 2).join('.');
}

/** Whether a version names a release (`4.3.5`) and not only its line (`4.3`). */
export function namesRelease(version: string): boolean {
  return partsOf(version).length > 2;
}

/** The value in force at a version, of values by the version that brought them, oldest first; undefined before the first. */
export function valueAt(history: Readonly<Record<string, string>>, version: string): string | undefined {
  let value: string | undefined;
  for (const [since, entry] of Object.entries(history)) {
    if (compareVersions(since, version) <= 0) value = entry;
  }
  return value;
}

function partsOf(version: string): number[] {
  return version.split('.').map(Number);
}
