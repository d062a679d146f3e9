import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import { type Histogram, logHeader } from './histogram.ts';
import type { Interval } from './intervals.ts';
import { encodeSlice, type LatencySlice } from './latency.ts';
import type { Recorder } from './recording.ts';
import { notAppended, resultFiles } from './store.ts';

/** Keeps a load's slices in a folder as it goes, where there is no scenario: the same two files as a result folder. */
export class SliceWriter implements Pick<Recorder, 'interval' | 'latency'> {
  readonly #folder: string;

  /** @throws DrillError when the folder cannot be written, or holds slices already */
  constructor(folder: string) {
    this.#folder = folder;
    if (existsSync(join(folder, resultFiles.intervals))) {
      throw new DrillError(`${folder} holds a result already`, {
        hint: 'name another folder',
        exitCode: ExitCode.usage,
      });
    }
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, resultFiles.intervals), '');
      writeFileSync(join(folder, resultFiles.latency), logHeader());
    } catch (error) {
      throw new DrillError(
        `the folder ${folder} cannot be written: ${error instanceof Error ? error.message : error}`,
        { exitCode: ExitCode.usage, cause: error },
      );
    }
  }

  interval(interval: Interval): void {
    this.#append(resultFiles.intervals, `${JSON.stringify(interval)}\n`);
  }

  latency(slice: LatencySlice<Histogram>): void {
    this.#append(resultFiles.latency, encodeSlice(slice));
  }

  /** @throws DrillError when the file takes no more */
  #append(name: string, text: string): void {
    const file = join(this.#folder, name);
    try {
      appendFileSync(file, text);
    } catch (error) {
      throw notAppended(file, error);
    }
  }
}
