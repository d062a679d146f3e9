import type { Summary } from '../recording/summary.ts';

/** The summary as the text of `summary.json`: one value, its keys in the order of the contract, a newline at the end. */
export function renderJson(summary: Summary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}
