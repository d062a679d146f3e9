import {
  formatCount,
  formatInstant,
  formatRate,
  formatShare,
  formatSpan,
  terminalColumns,
} from './format.ts';

/** What the live view shows at one moment; the caller fills it in every tick, rates and percentiles over the last second. */
export interface LiveState {
  /** Since load start; negative while the cluster is being brought up. */
  elapsedMs: number;
  totalMs: number;
  /** What is going on, in a few words: `warm-up`, `steady`, `failover of server1`. */
  phase: string;
  classes: readonly { name: string; okPerSecond: number; p99Ms: number | null }[];
  /** Failed and unknown operations so far. */
  errors: number;
  primary: string | null;
  /** Share of reads by server, 0..1. */
  readShare: Readonly<Record<string, number>>;
}

/** Where the view is drawn: stderr, or a stand-in. */
export interface LiveStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Time between two lines where nothing can be redrawn, ms. */
const lineEveryMs = 5000;

/**
 * Shows a run under way: a block that is redrawn on a terminal, one line every 5 s elsewhere, nothing when quiet. `close` leaves
 * the cursor below the last picture.
 */
export class LiveView {
  readonly #stream: LiveStream;
  readonly #quiet: boolean;
  #drawnLines = 0;
  #nextLineMs = Number.NEGATIVE_INFINITY;

  constructor(stream: LiveStream, options: { quiet: boolean }) {
    this.#stream = stream;
    this.#quiet = options.quiet;
  }

  update(state: LiveState): void {
    if (this.#quiet) return;
    if (this.#stream.isTTY) this.#redraw(state);
    else this.#line(state);
  }

  /** Takes the block off the terminal, so that a message can be printed; the next update draws it again. */
  clear(): void {
    if (this.#drawnLines > 0) this.#stream.write(`\u001b[${this.#drawnLines}A\u001b[0J`);
    this.#drawnLines = 0;
  }

  close(): void {
    this.#drawnLines = 0;
  }

  #redraw(state: LiveState): void {
    const columns = Math.max(20, Math.min(terminalColumns, (this.#stream.columns ?? terminalColumns) - 1));
    const lines = blockOf(state, columns);
    const back = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : '';
    this.#stream.write(`${back}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
    this.#drawnLines = lines.length;
  }

  #line(state: LiveState): void {
    if (state.elapsedMs < this.#nextLineMs) return;
    this.#nextLineMs = (Math.floor(state.elapsedMs / lineEveryMs) + 1) * lineEveryMs;
    this.#stream.write(`${lineOf(state)}\n`);
  }
}

function blockOf(state: LiveState, columns: number): string[] {
  const { elapsedMs, totalMs, phase } = state;
  const done = Math.max(0, Math.min(1, elapsedMs / totalMs));
  const barWidth = Math.max(4, Math.min(24, columns - 50));
  const filled = Math.round(done * barWidth);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`;
  const left = formatInstant(Math.max(0, totalMs - elapsedMs));
  return [
    `${bar} ${formatInstant(Math.max(0, elapsedMs))}, ${left} to go  ${phase}`,
    `  ${classesOf(state).join('   ')}   errors ${formatCount(state.errors)}`,
    `  primary ${state.primary ?? 'none'}   reads by ${sharesOf(state)}`,
  ].map((line) => clip(line, columns));
}

function lineOf(state: LiveState): string {
  const parts = [
    `${formatInstant(state.elapsedMs)} ${state.phase}`,
    ...classesOf(state),
    `errors ${formatCount(state.errors)}`,
    `primary ${state.primary ?? 'none'}`,
    sharesOf(state),
  ];
  return parts.join('; ');
}

function classesOf({ classes }: LiveState): string[] {
  return classes.map(
    ({ name, okPerSecond, p99Ms }) => `${name} ${formatRate(okPerSecond)}/s p99 ${formatSpan(p99Ms)}`,
  );
}

function sharesOf({ readShare }: LiveState): string {
  const shares = Object.entries(readShare).map(([server, share]) => `${server} ${formatShare(share)}`);
  return shares.length === 0 ? 'nobody' : shares.join(', ');
}

function clip(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}
