import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the package: where `scripts/` and `dist/` lie, whether this file runs compiled or not. */
export const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Version of the package, by its package.json. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as { version: string }).version;
}
