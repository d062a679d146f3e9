import { summarise } from '../../src/analysis/summary.ts';
import type { Summary } from '../../src/recording/summary.ts';
import { rehearsal } from '../analysis/rehearsal.ts';

/** A measured rehearsal with a prediction beside it. */
export function predictedRehearsal(): Summary {
  return summarise(rehearsal(), { predicted: summarise(rehearsal('simulated', 300)) });
}

/** The same with every number blown up and every name stretched. */
export function extremeSummary(): Summary {
  const name = 'a-server-whose-name-was-given-by-somebody-who-is-paid-by-the-letter-indeed';
  const grown = (value: unknown): unknown => {
    if (typeof value === 'number') return value * 1e9 + 0.123;
    if (Array.isArray(value)) return value.map(grown);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, grown(entry)]));
  };
  const text = JSON.stringify(grown(predictedRehearsal()))
    .replaceAll('server2', name)
    .replaceAll('"4"', `"${name}"`);
  return JSON.parse(text) as Summary;
}
