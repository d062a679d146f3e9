import type { ServiceTimes } from '../../scenario/model-shape.ts';
import type { Time } from './shape.ts';

/** A model's service times that a calibration can find. */
export type ParameterName = Exclude<keyof ServiceTimes, 'calibrated' | 'commit' | 'startPgpool'>;

/** What a calibration says of one service time of a model. */
export interface Parameter {
  name: ParameterName;
  /** Null: the data do not tell it, the model keeps what it has. */
  found: Time | { bytes: number } | null;
  /** Relative size of what the fit leaves over, 0.05 is 5 %; null where nothing was fitted. */
  residual: number | null;
  /** From what, in a few words; of one that was not found, why not. */
  evidence: string;
}

export function notFound(name: ParameterName, evidence: string): Parameter {
  return { name, found: null, residual: null, evidence };
}

/** Spread of a time whose own could not be told. */
export const usualVariation = 0.5;

/** Work of a script on a server. */
export type WorkName = 'read' | 'readOnStandby' | 'write';

/** Coefficient of variation that the model has for a time. */
export function spreadOf(name: Exclude<ParameterName, 'writeBytes'>, known: ServiceTimes): number {
  return known[name]?.variation ?? usualVariation;
}

/** A time for people. */
export function ms(value: number): string {
  return `${value.toFixed(3)} ms`;
}
