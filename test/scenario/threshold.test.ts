import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ScenarioFile } from '../../src/scenario/scenario-shape.ts';
import {
  checkThresholds,
  keeps,
  parseThreshold,
  parseThresholds,
  thresholdMetrics,
} from '../../src/scenario/threshold.ts';

// Goal: thresholds are read as written, and every mistake is told with what to write instead.

test.each([
  ['read.p99 < 20ms', { kind: 'latency', className: 'read', metric: 'p99' }, '<', 20, 'ms'],
  ['read.service.p99<=1.5s', { kind: 'service', className: 'read', metric: 'p99' }, '<=', 1500, 'ms'],
  ['  write.mean   <  250us ', { kind: 'latency', className: 'write', metric: 'mean' }, '<', 0.25, 'ms'],
  [
    'write.perSecond >= 95/s',
    { kind: 'count', className: 'write', metric: 'perSecond' },
    '>=',
    95,
    'perSecond',
  ],
  [
    'read.failedShare <= 0.1%',
    { kind: 'count', className: 'read', metric: 'failedShare' },
    '<=',
    0.001,
    'share',
  ],
  [
    'read.skippedShare < 1 %',
    { kind: 'count', className: 'read', metric: 'skippedShare' },
    '<',
    0.01,
    'share',
  ],
  ['read.errors <= 0', { kind: 'count', className: 'read', metric: 'errors' }, '<=', 0, 'count'],
  ['offload > 90%', { kind: 'offload' }, '>', 0.9, 'share'],
  ['outage.write < 5s', { kind: 'outage', className: 'write' }, '<', 5000, 'ms'],
])('%s', (text, subject, operator, limit, unit) => {
  const read = parseThreshold(text);
  expect(read).toMatchObject({ threshold: { text: text.trim(), subject, operator, unit } });
  if ('threshold' in read) expect(read.threshold.limit).toBeCloseTo(limit, 12);
});

test.each([
  ['', 'threshold', /read\.p99 < 20ms/],
  ['read.p99', 'threshold', /read\.p99 < 20ms/],
  ['read.p99 = 20ms', 'threshold', /metric, operator and value/],
  ['read.p99 < 20ms < 3', 'threshold', /metric, operator and value/],
  ['read.p9 < 20ms', 'threshold-metric', /did you mean read\.p9[59]\?/],
  ['reads.p99 < 20ms', 'threshold-metric', /did you mean read\.p99\?/],
  ['p99 < 20ms', 'threshold-metric', /did you mean read\.p99\?/],
  ['read.outage < 3s', 'threshold-metric', /did you mean outage\.read\?/],
  ['read.servce.p99 < 20ms', 'threshold-metric', /did you mean read\.service\.p99\?/],
  ['colour < 20ms', 'threshold-metric', /metrics are read\.p99/],
  ['read.p99 < 20', 'threshold-value', /write 20ms or 20s/],
  ['read.p99 < soon', 'threshold-value', /a number with a unit/],
  ['read.p99 <', 'threshold-value', /a number with a unit/],
  ['offload > 0.9', 'threshold-value', /write it as 90%/],
  ['offload > 120%', 'threshold-value', /write it as 90%/],
  ['offload > 95', 'threshold-value', /write it as 95%/],
  ['offload > 0.07', 'threshold-value', /write it as 7%/],
  ['offload > 950', 'threshold-value', /write it as 90%/],
  ['write.perSecond > 40', 'threshold-value', /write it as 40\/s/],
  ['read.perSecond > 1000', 'threshold-value', /write it as 1000\/s/],
  ['read.errors < 1/s', 'threshold-value', /write it as 10/],
])('"%s" is refused with what to write', (text, rule, hint) => {
  const read = parseThreshold(text);
  expect(read).toMatchObject({ fault: { rule, hint: expect.stringMatching(hint) } });
});

test('the refused value stands in the message', () => {
  expect(parseThreshold('read.p99 < 20')).toMatchObject({
    fault: { message: '"20" is no limit for read.p99: it is a time' },
  });
  expect(parseThresholds(['read.p99 < 20', 'read.p99 < 20ms'])).toHaveLength(1);
});

test('any text is either read or refused with a hint', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.stringMatching(/^(read|offload)[.a-z0-9]{0,9} ?[<>]=? ?[0-9.]{0,4}[ms%]{0,2}$/),
      ),
      (text) => {
        const read = parseThreshold(text);
        if ('threshold' in read) expect(Number.isFinite(read.threshold.limit)).toBe(true);
        else expect(read.fault.hint).toBeTruthy();
      },
    ),
  );
});

test.each([
  ['<', [true, false, false]],
  ['<=', [true, true, false]],
  ['>', [false, false, true]],
  ['>=', [false, true, true]],
] as const)('%s below, at and above the limit', (operator, expected) => {
  expect([4, 5, 6].map((value) => keeps({ operator, limit: 5 }, value))).toEqual(expected);
});

test('a scenario is told each wrong threshold at its place, and those of classes that it lacks', () => {
  const value = {
    load: { classes: [{ name: 'read' }] },
    thresholds: ['read.p99 < 20ms', 'write.p99 < 20ms', 'read.p98 < 1s'],
  } as unknown as ScenarioFile;
  const placeOf = (path: readonly (string | number)[]) => ({
    file: 's.yaml',
    line: Number(path[1]),
    column: 1,
  });
  const problems = checkThresholds({ value, placeOf }, ['outage.write < 1s', 'offload > 10%']);
  expect(problems).toMatchObject([
    { place: { line: 1 }, rule: 'threshold-class', hint: 'classes of this load: read' },
    { place: { line: 2 }, rule: 'threshold-metric' },
    { place: { file: "--threshold 'outage.write < 1s'" }, rule: 'threshold-class' },
  ]);
});

test('docs/planning.md names every metric', () => {
  const documented = readFileSync('docs/planning.md', 'utf8');
  const named = thresholdMetrics.filter((name) => /^(read\.(?!service)|offload|outage\.read)/.test(name));
  expect(named).toHaveLength(12);
  for (const name of named) expect(documented).toContain(`\`${name}\``);
});
