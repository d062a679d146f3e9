// Goal: an agent's file becomes events of the run: names for addresses, the run's time, no line lost or doubled.
// Method: a file that grows while it is watched, lines cut in the middle of a character included.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RealClock } from '../../src/kernel/clock.ts';
import { readAgentLine, watchAgentLog } from '../../src/observe/agent-log.ts';
import type { RecordedEvent } from '../../src/recording/events.ts';

const folder = mkdtempSync(join(tmpdir(), 'agent-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nameOf = (address: string): string => (address === '127.0.0.9' ? 'server9' : address);

test('a line becomes an event of the run', () => {
  const line = '{"epochMs":1500.5,"type":"command","node":"127.0.0.9","id":"a","name":"fence","target":null}';
  expect(readAgentLine(line, { originEpochMs: 2000, nameOf })).toEqual({
    atMs: -499.5,
    type: 'command',
    node: 'server9',
    id: 'a',
    name: 'fence',
    target: null,
  });
});

test.each(['', '{', '[]', 'null', '{"type":"notice"}', '{"epochMs":"1","type":"notice"}'])(
  '%j is no event',
  (line) => {
    expect(readAgentLine(line, { originEpochMs: 0, nameOf })).toBeUndefined();
  },
);

test('follows a growing file and reports a broken line once', async () => {
  const file = join(folder, 'efm.events.jsonl');
  const notice = (subject: string): string =>
    `${JSON.stringify({ epochMs: 1, type: 'notice', node: '127.0.0.9', severity: 'INFO', subject })}\n`;
  const events: RecordedEvent[] = [];
  const log = watchAgentLog(
    { server: 'server9', file },
    { clock: new RealClock(), emit: (event) => events.push(event), originEpochMs: 0, nameOf },
  );
  await log.flush();
  const bytes = Buffer.from(`${notice('first') + notice('zwölf')}no event\nno event\n${notice('last')}`);
  const cut = bytes.indexOf(Buffer.from('ö')) + 1;
  writeFileSync(file, bytes.subarray(0, cut));
  await log.flush();
  appendFileSync(file, bytes.subarray(cut));
  await Promise.all([log.flush(), log.flush()]);
  log.stop();
  expect(
    events.map((event) =>
      event.type === 'notice' ? event.subject : `${event.type} ${'ok' in event && event.ok}`,
    ),
  ).toEqual(['first', 'zwölf', 'probe false', 'probe true', 'last']);
});
