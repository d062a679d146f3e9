import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { DrillError, ExitCode } from '../kernel/errors.ts';
import type { RecordedEvent } from './events.ts';
import { decodeLogLine, type Histogram, logHeader } from './histogram.ts';
import type { Interval } from './intervals.ts';
import { byOutcome, encodeSlice, type LatencySlice, readTag } from './latency.ts';
import type { Manifest } from './manifest.ts';
import type { SettledCounts } from './memory.ts';
import { PackedHistogram } from './packed-histogram.ts';
import { IntervalPacker } from './packed-intervals.ts';
import type { Recorder, Recording } from './recording.ts';
import { eventShape, intervalShape, manifestShape, schemaShape, settledShape } from './shapes.ts';

/** Names of the files of a result folder. */
export const resultFiles = {
  manifest: 'manifest.json',
  events: 'events.jsonl',
  intervals: 'intervals.jsonl',
  latency: 'latency.hlog',
  ledger: 'ledger.json',
  summary: 'summary.json',
  /** Live runs only: the simulated summary of the same plan. */
  predicted: 'predicted.json',
  report: 'report.html',
} as const;

/**
 * Writes a result folder as the run goes.
 *
 * Every line is handed to the operating system at once (some 20 a second), so that a crash of this process leaves a folder
 * that `readRecording` reads. Slices and events are only ever appended.
 */
export class ResultWriter implements Recorder {
  readonly folder: string;
  readonly #files: Record<'events' | 'intervals' | 'latency', number>;
  #closed = false;

  /**
   * Makes the folder and writes the manifest.
   *
   * @throws DrillError when the folder cannot be written or holds a result already
   */
  constructor(folder: string, manifest: Manifest) {
    this.folder = folder;
    const { manifest: about, events, intervals, latency } = resultFiles;
    if ([about, events, intervals, latency].some((name) => existsSync(join(folder, name)))) {
      throw new DrillError(`${folder} holds a result already`, {
        hint: 'name another folder',
        exitCode: ExitCode.usage,
      });
    }
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, resultFiles.manifest), json(manifest));
      const open = (name: string): number => openSync(join(folder, name), 'a');
      this.#files = {
        events: open(resultFiles.events),
        intervals: open(resultFiles.intervals),
        latency: open(resultFiles.latency),
      };
    } catch (error) {
      throw new DrillError(`the result folder ${folder} cannot be written: ${reason(error)}`, {
        hint: 'check its permissions and the free space',
        cause: error,
      });
    }
    this.#append('latency', logHeader());
  }

  event(event: RecordedEvent): void {
    this.#append('events', `${JSON.stringify(event)}\n`);
  }

  interval(interval: Interval): void {
    this.#append('intervals', `${JSON.stringify(interval)}\n`);
  }

  latency(slice: LatencySlice<Histogram>): void {
    this.#append('latency', encodeSlice(slice));
  }

  /** What the ledger and the counters said after the run. */
  settled(counts: SettledCounts): void {
    writeResultFile(this.folder, resultFiles.ledger, json(counts));
  }

  /** Nothing is appended any more; safe to call twice. The ledger may still be written. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const file of Object.values(this.#files)) closeSync(file);
  }

  #append(file: 'events' | 'intervals' | 'latency', text: string): void {
    if (this.#closed) return;
    try {
      writeSync(this.#files[file], text);
    } catch (error) {
      throw notAppended(join(this.folder, resultFiles[file]), error);
    }
  }
}

/** A file of slices or events that takes no further line. */
export function notAppended(file: string, error: unknown): DrillError {
  return new DrillError(`${file} cannot be written: ${reason(error)}`, {
    hint: 'check the free space; what was written before stays readable',
    cause: error,
  });
}

/**
 * Writes one whole file of a result folder, all of it or nothing.
 *
 * @throws DrillError when it cannot be written
 */
export function writeResultFile(folder: string, name: string, text: string): void {
  const file = join(folder, name);
  try {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new DrillError(`${file} cannot be written: ${reason(error)}`, {
      hint: 'check the free space and the permissions of the folder',
      cause: error,
    });
  }
}

/**
 * Reads a result folder, also one that a crash left unfinished: a last line that was cut off is dropped.
 *
 * @throws DrillError when the folder holds no result, one of a later version, or a broken line before the last
 */
export function readRecording(folder: string): Recording {
  const manifest = readManifest(folder);
  const settled = readWhole(folder, resultFiles.ledger);
  const counts = settled === null ? null : parsed(settledShape, settled, join(folder, resultFiles.ledger));
  const events = [...readLines(folder, resultFiles.events, eventShape)] as unknown as RecordedEvent[];
  return {
    manifest,
    events: events.sort((a, b) => a.atMs - b.atMs),
    intervals: readIntervals(folder),
    ...readLatency(folder),
    ledger: counts?.ledger ?? null,
    counters: counts?.counters ?? [],
  };
}

function readManifest(folder: string): Manifest {
  const path = join(folder, resultFiles.manifest);
  const text = readWhole(folder, resultFiles.manifest);
  if (text === null) {
    throw new DrillError(`${folder} is no result folder: it has no ${resultFiles.manifest}`, {
      exitCode: ExitCode.usage,
    });
  }
  const { schema } = parsed(schemaShape, text, path);
  const version = /^pgdrill\/manifest@(\d+)$/.exec(schema)?.[1];
  if (version !== undefined && Number(version) > 1) {
    throw new DrillError(`${path} has the schema ${schema}, which this version of pgdrill does not know`, {
      hint: 'read it with the version of pgdrill that wrote it, or a later one',
      exitCode: ExitCode.usage,
    });
  }
  return parsed(manifestShape, text, path);
}

function readIntervals(folder: string): Interval[] {
  const packer = new IntervalPacker();
  return Array.from(readLines(folder, resultFiles.intervals, intervalShape), (interval) =>
    packer.pack(interval),
  );
}

function readLatency(folder: string): Pick<Recording, 'latency' | 'missed'> {
  const path = join(folder, resultFiles.latency);
  const slices = new Map<string, Partial<LatencySlice>>();
  const lines = linesOf(readWhole(folder, resultFiles.latency) ?? '');
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.startsWith('#') || line.startsWith('"')) continue;
    const found = decodeLogLine(line);
    if (!found) {
      if (index === lines.length - 1) continue;
      throw new DrillError(`${path}:${index + 1} is no line of an interval log`, {
        exitCode: ExitCode.usage,
      });
    }
    const { tag, startMs, lengthMs, histogram } = found;
    const named = readTag(tag);
    if (!named) continue;
    const { which, ...place } = named;
    const key = `${startMs} ${place.className}/${place.server}/${place.outcome ?? ''}`;
    const slice = slices.get(key) ?? { startMs, lengthMs, ...place };
    slices.set(key, slice);
    slice[which] = PackedHistogram.of(histogram);
  }
  return byOutcome([...slices.values()].filter(isWhole));
}

/** Both histograms are there: not so for a pair that was cut. */
function isWhole(slice: Partial<LatencySlice>): slice is LatencySlice {
  return slice.latency !== undefined && slice.service !== undefined;
}

function* readLines<Shape extends z.ZodType>(
  folder: string,
  name: string,
  shape: Shape,
): Generator<z.output<Shape>> {
  const lines = linesOf(readWhole(folder, name) ?? '');
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    let value: z.output<Shape>;
    try {
      value = parsed(shape, line, `${join(folder, name)}:${index + 1}`);
    } catch (error) {
      if (index < lines.length - 1) throw error;
      return;
    }
    yield value;
  }
}

/** Lines of a text; the last one is empty unless it was cut off before its newline. */
function linesOf(text: string): string[] {
  return text.split('\n');
}

function readWhole(folder: string, name: string): string | null {
  const path = join(folder, name);
  if (!existsSync(path)) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new DrillError(`${path} cannot be read: ${reason(error)}`, {
      exitCode: ExitCode.usage,
      cause: error,
    });
  }
}

function parsed<Shape extends z.ZodType>(shape: Shape, text: string, where: string): z.output<Shape> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DrillError(`${where} is no JSON: ${reason(error)}`, { exitCode: ExitCode.usage });
  }
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue?.path.join('.') ?? '';
  throw new DrillError(`${where} is not as pgdrill writes it: ${at} ${issue?.message ?? ''}`, {
    exitCode: ExitCode.usage,
  });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
