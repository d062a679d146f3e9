// Goal: a transaction that is tried again begins with the variables that it began with, whatever it set meanwhile.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VariableNames, VariableStore } from '../../../src/workload/pgbench/variables.ts';

const change = fc.record({
  slot: fc.integer({ min: 0, max: 4 }),
  way: fc.constantFrom('value', 'text', 'look'),
  number: fc.integer({ min: -9, max: 9 }),
});

test('what is put back is what was saved: values, texts, and what was not set', () => {
  fc.assert(
    fc.property(fc.array(change), fc.array(change), (before, after) => {
      const names = new VariableNames();
      const slots = ['a', 'b', 'c', 'd', 'e'].map((name) => names.slot(name));
      const store = new VariableStore(names);
      const apply = (changes: typeof before): void => {
        for (const { slot, way, number } of changes) {
          if (way === 'value') store.setValue(slot, number);
          else if (way === 'text') store.setText(slot, `0${number}`);
          else store.text(slot);
        }
      };
      const texts = (): (string | null)[] => slots.map((slot) => store.text(slot));
      apply(before);
      const saved = store.saved();
      const told = texts();
      apply(after);
      store.restore(saved);
      expect(texts()).toEqual(told);
      apply(after);
      store.restore(saved);
      expect(texts()).toEqual(told);
      expect(slots.map((slot) => store.isSet(slot))).toEqual(told.map((text) => text !== null));
    }),
  );
});
