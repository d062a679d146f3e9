// Writes models/statecharts/*.md from the role statecharts. `npm run statecharts` builds first.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { statechartDocuments } from '../dist/roles/diagram.js';

const folder = join(import.meta.dirname, '../models/statecharts');
mkdirSync(folder, { recursive: true });
for (const { file, text } of statechartDocuments()) writeFileSync(join(folder, file), text);
