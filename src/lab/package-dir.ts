import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the package: where `scripts/` and `dist/` lie, whether this file runs compiled or not. */
export const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
