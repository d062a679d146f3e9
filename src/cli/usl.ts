import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { fitUsl } from '../analysis/usl.ts';
import { InputError } from '../kernel/errors.ts';
import { renderUsl } from '../report/usl-text.ts';
import { readScalePoints } from '../study/sweep/points.ts';
import { type CommonOptions, print } from './output.ts';

/** `pgdrill usl <file>`: the universal scalability law on a user's own points. */
export function uslCommand(): Command {
  return new Command('usl')
    .description(
      'fit the universal scalability law to measured points: coefficients, intervals, the peak, residuals',
    )
    .argument('<file>', 'CSV file with the columns n and throughput, with or without a head')
    .option('--json', 'print one JSON value and nothing else on stdout')
    .option('--quiet', 'no progress on stderr')
    .addHelpText('after', '\nExample:\n  pgdrill usl read-scaling.csv --json')
    .action((file: string, options: CommonOptions) => {
      const read = readScalePoints(readText(file), file);
      if ('problems' in read) throw new InputError(read.problems);
      const fit = fitUsl(read.points);
      print(options.json ? JSON.stringify({ schema: 'pgdrill/usl@1', ...fit }, null, 2) : renderUsl(fit));
    });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const message = `cannot read the file: ${(error as Error).message}`;
    throw new InputError([{ place: { file, line: 1, column: 1 }, rule: 'readable', message }]);
  }
}
