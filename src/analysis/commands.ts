import type { AgentCommandName, RecordedEvent } from '../recording/events.ts';
import type { Stretch } from './frame.ts';
import { within } from './frame.ts';

/** A command of an agent from its start to its end; `endMs` and `ok` are null when its end was not seen. */
export interface CommandSpan {
  node: string;
  name: AgentCommandName;
  target: string | null;
  startMs: number;
  endMs: number | null;
  ok: boolean | null;
}

/** Pairs the commands that agents gave in a stretch with their ends, in order of their starts. */
export function commandsIn(events: readonly RecordedEvent[], stretch: Stretch): CommandSpan[] {
  const spans: CommandSpan[] = [];
  const open = new Map<string, CommandSpan>();
  for (const event of events) {
    if (event.type === 'command' && within(event.atMs, stretch)) {
      const { node, name, target, atMs } = event;
      const span: CommandSpan = { node, name, target, startMs: atMs, endMs: null, ok: null };
      spans.push(span);
      open.set(`${node} ${event.id}`, span);
    } else if (event.type === 'commandEnded') {
      const span = open.get(`${event.node} ${event.id}`);
      if (!span) continue;
      span.endMs = event.atMs;
      span.ok = event.ok;
      open.delete(`${event.node} ${event.id}`);
    }
  }
  return spans;
}

/** From the first start to the last end of some commands; undefined when there are none, or one was not seen to end. */
export function spanOf(commands: readonly CommandSpan[]): Stretch | undefined {
  const [first] = commands;
  const ends = commands.flatMap(({ endMs }) => (endMs === null ? [] : [endMs]));
  return first && ends.length === commands.length
    ? { startMs: first.startMs, endMs: Math.max(...ends) }
    : undefined;
}
