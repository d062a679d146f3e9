// Goal: new service times reach a model's file without anything else in it changing.
// Method: every shipped model edited; what was not edited is the same text, what was reads back as it was given.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadModel } from '../../src/scenario/load.ts';
import { withServiceTimes } from '../../src/scenario/model-edit.ts';

/** A part of a model that stands behind the section that is edited. */
const tail = '# Of all servers.\npostgres: { settings: { synchronous_commit: local } } # as it is\n';
const texts = readdirSync('models')
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => {
    const text = readFileSync(join('models', name), 'utf8');
    return [
      { name, text },
      { name: `${name} with a part behind`, text: `${text}${tail}` },
    ];
  });

function timesOf(text: string) {
  const dir = mkdtempSync(join(tmpdir(), 'model-'));
  try {
    writeFileSync(join(dir, 'model.yaml'), text);
    const { model, problems } = loadModel(join(dir, 'model.yaml'));
    expect(problems).toEqual([]);
    return model?.value.serviceTimes;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test.each(texts)(
  '$name: found times are in the file with their source, new entries too; everything else is the same text',
  ({ text: before }) => {
    const after = withServiceTimes(before, {
      calibrated: true,
      edits: [
        {
          name: 'read',
          value: { meanMs: 0.123456, variation: 0.4321, distribution: 'gamma' },
          source: 'runs a, b: 3 %',
        },
        { name: 'network', value: { quantilesMs: [0.01, 0.02, 0.5] }, source: 'q' },
        {
          name: 'pgpoolStatement',
          value: { meanMs: 0.00004, variation: 0, distribution: 'lognormal' },
          source: 'p',
        },
        { name: 'writeBytes', value: { bytes: 612.4 }, source: 'w' },
        { name: 'script', value: null, source: 'not told' },
      ],
    });
    const times = timesOf(after);
    expect(times?.calibrated).toBe(true);
    expect(times?.read).toMatchObject({
      mean: 0.1235,
      variation: 0.4321,
      distribution: 'gamma',
      source: 'runs a, b: 3 %',
    });
    expect(times?.network).toMatchObject({
      distribution: 'empirical',
      quantiles: [0.01, 0.02, 0.5],
      source: 'q',
    });
    expect(times?.pgpoolStatement?.mean).toBeCloseTo(0.00004, 9);
    expect(times?.writeBytes).toEqual({ bytes: 612, source: 'w' });
    expect(times?.script).toEqual({ ...timesOf(before)?.script, source: 'not told' });
    expect(times?.write).toEqual(timesOf(before)?.write);
    const head = (text: string): string => text.slice(0, text.indexOf('serviceTimes:'));
    expect(head(after)).toBe(head(before));
    expect(after.endsWith(tail)).toBe(before.endsWith(tail));
    const comments = (text: string): string[] => text.match(/#.*/g) ?? [];
    expect(comments(after)).toEqual(comments(before));
  },
);
