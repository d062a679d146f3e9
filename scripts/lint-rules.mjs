// Writes the tables of docs/lint.md from the rules. Run it after `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rulesAsMarkdown } from '../dist/topology/lint/formats.js';

const file = join(import.meta.dirname, '../docs/lint.md');
const [introduction] = readFileSync(file, 'utf8').split('<!-- rules -->');
writeFileSync(file, `${introduction}<!-- rules -->\n\n${rulesAsMarkdown()}\n`);
