import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DrillError, ExitCode } from '../../kernel/errors.ts';
import { resultFiles, writeResultFile } from '../../recording/store.ts';
import type { Summary } from '../../recording/summary.ts';

/** Files of a sweep's own folder. */
export const sweepFiles = { result: 'sweep.json', table: 'sweep.csv', page: 'sweep.html' } as const;

const cellsFolder = 'cells';

/** Written last into a run's folder: it is whole. */
const runFile = 'run.json';

interface RunRecord {
  schema: 'pgdrill/sweep-run@1';
  planHash: string;
  seed: number;
}

/**
 * Where a sweep keeps what it finds: a folder a cell, named by its number and its plan, and in it one a run. What was
 * finished before is found again by the plan, whatever number its cell has now.
 */
export class SweepFolder {
  readonly #path: string;

  /** @throws DrillError of usage where the folder holds a sweep that is not to be resumed */
  constructor(path: string, { resume }: { resume: boolean }) {
    this.#path = path;
    if (resume || !existsSync(join(path, cellsFolder))) return;
    throw new DrillError(`${path} holds a sweep already`, {
      hint: 'add --resume to go on with it, or name another folder',
      exitCode: ExitCode.usage,
    });
  }

  /** The folder of a cell below this one: that of an earlier sweep with the same plan, or a new name. */
  cellFolder(number: number, planHash: string): string {
    const parent = join(this.#path, cellsFolder);
    const known = existsSync(parent) ? readdirSync(parent) : [];
    const name = known.find((entry) => entry.endsWith(`-${planHash}`));
    return `${cellsFolder}/${name ?? `${String(number).padStart(3, '0')}-${planHash}`}`;
  }

  /** The summary of a run that was finished before; what an unfinished one left is removed, so that it can be run again. */
  finishedRun(cellFolder: string, planHash: string, seed: number): Summary | null {
    const folder = this.runFolder(cellFolder, seed);
    if (!existsSync(folder)) return null;
    try {
      const record = readJson(join(folder, runFile)) as RunRecord;
      const summary = readJson(join(folder, resultFiles.summary)) as Summary;
      if (record.planHash === planHash && summary.schema === 'pgdrill/summary@1') return summary;
    } catch {
      rmSync(folder, { recursive: true, force: true });
    }
    return null;
  }

  /** What was simulated beside a run on real servers; null where nothing was. */
  prediction(cellFolder: string, seed: number): Summary | null {
    try {
      const found = readJson(join(this.runFolder(cellFolder, seed), resultFiles.predicted)) as Summary;
      return found.schema === 'pgdrill/summary@1' ? found : null;
    } catch {
      return null;
    }
  }

  runFolder(cellFolder: string, seed: number): string {
    return join(this.#path, cellFolder, `seed-${seed}`);
  }

  /** Keeps a finished run. */
  finish(
    cellFolder: string,
    { planHash, seed, summary }: Omit<RunRecord, 'schema'> & { summary: Summary },
  ): void {
    const folder = this.runFolder(cellFolder, seed);
    mkdirSync(folder, { recursive: true });
    if (!existsSync(join(folder, resultFiles.summary)))
      writeResultFile(folder, resultFiles.summary, `${JSON.stringify(summary, null, 2)}\n`);
    const record: RunRecord = { schema: 'pgdrill/sweep-run@1', planHash, seed };
    writeResultFile(folder, runFile, `${JSON.stringify(record, null, 2)}\n`);
  }

  /** Writes one of the sweep's own files. */
  write(file: (typeof sweepFiles)[keyof typeof sweepFiles], text: string): void {
    mkdirSync(this.#path, { recursive: true });
    writeResultFile(this.#path, file, text);
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
