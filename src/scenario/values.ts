import { z } from 'zod';
import { durationRule, parseDuration } from '../kernel/time.ts';

/** A duration as text (`2.5s`), parsed to milliseconds once, here. */
export const durationMs = z.string({ error: durationRule }).transform((text, context) => {
  const parsed = parseDuration(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: `"${text}" is no duration: ${durationRule}`, input: text });
  return z.NEVER;
});
