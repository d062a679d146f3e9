// Goal: docs/scenario.md names every field that a scenario may have, in the table of its part, and no other.
// Method: the keys of the shape that reads the file, walked through defaults, options and checks; and the example is read.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { planRun } from '../../src/run/plan.ts';
import { rampShape, stepShape } from '../../src/scenario/load-shape.ts';
import { drillKinds, scenarioShape } from '../../src/scenario/scenario-shape.ts';

const text = readFileSync('docs/scenario.md', 'utf8');

/** The fields of the table under a heading: code words that open a row. */
function documented(heading: string): string[] {
  const part = text.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';
  const [table = ''] = part.split(/\n\*\*/);
  return [...table.matchAll(/^\| `([a-zA-Z]+)` \|/gm)].map(([, name]) => name ?? '').sort();
}

/** The object within a shape: defaults, options, pipes and lists taken off. */
function objectIn(shape: unknown): z.ZodObject {
  if (shape instanceof z.ZodObject) return shape;
  if (shape instanceof z.ZodDefault || shape instanceof z.ZodOptional) return objectIn(shape.unwrap());
  if (shape instanceof z.ZodArray) return objectIn(shape.element);
  if (shape instanceof z.ZodPipe) return objectIn(shape.in);
  throw new Error(`no object in ${String(shape)}`);
}

const parts: [heading: string, shape: z.ZodObject][] = [
  ['The file', scenarioShape],
  ['load', objectIn(scenarioShape.shape.load)],
  ['load.classes[]', objectIn(objectIn(scenarioShape.shape.load).shape.classes)],
  ['phases', objectIn(scenarioShape.shape.phases)],
  ['drills[]', objectIn(scenarioShape.shape.drills)],
];

test.each(parts)('%s', (heading, shape) => {
  expect(Object.keys(shape.shape).length).toBeGreaterThan(1);
  expect(documented(heading)).toEqual(Object.keys(shape.shape).sort());
});

test('the forms of a rate name all their keys', () => {
  for (const [form, shape] of [
    ['{ from: 0, to: 500, over: 1min }', rampShape],
    ['{ at: 0s, perSecond: 100 }', stepShape],
  ] as const) {
    expect(text).toContain(form);
    for (const key of Object.keys(shape.shape)) expect(form).toContain(`${key}:`);
  }
});

test('every kind of drill is named', () => {
  expect(text).toContain(`\`${drillKinds.join(' ')}\``);
});

test('the example can be run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pgdrill-example-'));
  try {
    const example = /```yaml\n(.*?)```/s.exec(text)?.[1] ?? '';
    const file = join(folder, 'scenario.yaml');
    writeFileSync(file, example.replace('../models', resolve('models')));
    expect(planRun(file).load.classes).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
