import { type FileHandle, open } from 'node:fs/promises';
import type { RecordedEvent } from '../recording/events.ts';
import { failureOf, type Observer, type ObserverOptions, probe, repeat } from './observer.ts';

/** Between two looks for new lines, ms. */
const periodMs = 100;

/** What an agent writes: an event of the recording, with its own wall clock and addresses for names. */
type AgentLine = Record<string, unknown> & { type: string; epochMs: number };

/** Fields of events that hold servers, as addresses in an agent's file. */
const serverFields = ['node', 'target'] as const;

/** `flush` reads what is there now; for the end of a run, before `stop`. */
export interface AgentLogObserver extends Observer {
  flush(): Promise<void>;
}

/**
 * Follows the events file of one agent and emits its events with names for addresses and times of the run's clock.
 * Lines written before now are taken as well. A line that cannot be read is reported as a failed probe, once.
 *
 * @param originEpochMs wall-clock instant of the clock's zero
 * @param nameOf name of the server with an address; an unknown one stays as it is
 */
export function watchAgentLog(
  file: { server: string; file: string },
  options: ObserverOptions & { originEpochMs: number; nameOf: (address: string) => string },
): AgentLogObserver {
  const names = { observer: 'agent-log', target: file.server };
  const told = probe(options, names);
  let handle: FileHandle | null = null;
  let rest = '';
  let offset = 0;
  let stopped = false;
  let reading: Promise<void> = Promise.resolve();
  const read = async (): Promise<void> => {
    handle ??= await open(file.file, 'r').catch(() => null);
    if (!handle) return;
    const bytes = Buffer.alloc(65_536);
    for (;;) {
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
      if (bytesRead === 0 || stopped) return;
      offset += bytesRead;
      const lines = (rest + bytes.toString('latin1', 0, bytesRead)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = readAgentLine(Buffer.from(line, 'latin1').toString('utf8'), options);
        told(event ? null : `a line that is no event: ${line.slice(0, 120)}`);
        if (event) options.emit(event);
      }
    }
  };
  const flush = (): Promise<void> => {
    reading = reading.then(read).catch((cause: Error) => told(cause.message));
    return reading;
  };
  const polling = repeat(options.clock, periodMs, { look: flush, onFailure: failureOf(options, names) });
  return {
    flush,
    stop: () => {
      stopped = true;
      polling.stop();
      void reading.catch(() => {}).then(() => handle?.close());
    },
  };
}

/** One line of an agent's file as an event of the run; undefined when it is none. */
export function readAgentLine(
  line: string,
  options: { originEpochMs: number; nameOf: (address: string) => string },
): RecordedEvent | undefined {
  const parsed = parse(line);
  if (!parsed) return undefined;
  const { epochMs, ...fields } = parsed;
  for (const name of serverFields) {
    const value = fields[name];
    if (typeof value === 'string') fields[name] = options.nameOf(value);
  }
  return { ...fields, atMs: epochMs - options.originEpochMs } as unknown as RecordedEvent;
}

function parse(line: string): AgentLine | undefined {
  try {
    const value = JSON.parse(line) as Partial<AgentLine> | null;
    return typeof value?.type === 'string' && typeof value.epochMs === 'number'
      ? (value as AgentLine)
      : undefined;
  } catch {
    return undefined;
  }
}
