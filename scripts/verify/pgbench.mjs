// The pgbench language beside the installed pgbench: generated expressions, scripts, texts to be cut and random streams through both.
import { buildHarness } from './harness.mjs';
import { spreadOf } from './runner.mjs';
import { partOf } from './state.mjs';
import { table } from './table.mjs';

/** What is generated for one piece, from its number; seeds of pieces lie so far apart that no text comes twice. */
const piece = { expressions: 120, scripts: 20, splittings: 40, streams: 5 };
const seedsApart = 1000;

/** Mismatches of one piece that the document lists. */
const mostListed = 5;

export async function measurePgbench(state, { options, program, note, save, signal }) {
  const { hash, load } = buildHarness({
    config: 'tsconfig-pgbench.json',
    name: 'pgbench',
    tests: 'test/workload/pgbench',
  });
  const part = partOf(state, 'pgbench', program, hash);
  const left = Array.from({ length: options.runs }, (_, index) => index + 1).filter(
    (number) => !part.runs.some((run) => run.number === number),
  );
  if (left.length === 0) return;
  note(`pgbench: ${left.length} pieces`);
  const { runDifferential } = await load('differential');
  const { startOracle } = await load('oracle');
  const oracle = await startOracle();
  try {
    const { stdout } = await oracle.pgbench('\\set a 1\n');
    part.components = [
      { name: 'pgbench', version: /^pgbench \(([\d.]+)/.exec(stdout)?.[1] ?? null, kind: 'real' },
    ];
    for (const number of left) {
      if (signal.aborted) return;
      const startMs = performance.now();
      const { mismatches, ...counts } = await runDifferential(oracle, {
        ...{ seed: number * seedsApart, ...piece },
      });
      const seconds = (performance.now() - startMs) / 1000;
      part.runs.push({ number, ...counts, mismatches: mismatches.length, seconds });
      for (const mismatch of mismatches.slice(0, mostListed))
        part.failures.push(`pgbench, piece ${number}: ${mismatch.replaceAll('\n', ' / ')}`);
      save();
      if (number % 10 === 0) note(`pgbench: piece ${number}`);
    }
  } finally {
    await oracle.stop();
  }
}

/** Lines of docs/verified.md. */
export function pgbenchLines({ runs }) {
  const sum = (countOf) => runs.reduce((total, run) => total + countOf(run), 0);
  const rows = [
    ['expressions with a value: value, type and print', sum(({ values }) => values)],
    ['expressions without one: the message', sum(({ failures }) => failures)],
    ['texts that are no expression: the message', sum(({ syntaxErrors }) => syntaxErrors)],
    ['scripts in the three protocols: everything that they send and print', sum(({ scripts }) => scripts)],
    ['statements in the logs of the server', sum(({ statements }) => statements)],
    ['texts cut into the same statements and commands', sum(({ splittings }) => splittings.equal)],
    ['texts that both refuse', sum(({ splittings }) => splittings.refused)],
    ['draws of four clients, every random function', sum(({ draws }) => draws)],
    ['choices between weighted scripts', sum(({ choices }) => choices)],
  ];
  const differ = sum(({ mismatches }) => mismatches);
  const seconds = spreadOf(runs.map((run) => run.seconds));
  return [
    `${runs.length} pieces, seeds ${runs.map(({ number }) => number).reduce((a, b) => Math.min(a, b)) * seedsApart} and up; ${differ} differences. Integers and messages are equal, doubles agree to 14 digits.`,
    `A piece takes ${seconds.median.toFixed(1)} s (${seconds.least.toFixed(1)} to ${seconds.most.toFixed(1)}).`,
    '',
    ...table(['compared', 'number'], rows),
  ];
}
